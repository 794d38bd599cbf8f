"""Jobs of a sweep on many machines: a Ray task each. Ray places them and retries them.

Every machine needs dsjax installed, and the sweep's folder under the same path or its depot.
"""

import os
import socket
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from dsjax.errors import Interrupted, RunError
from dsjax.storage.locks import Busy
from dsjax.sweeps import jobs, remote
from dsjax.sweeps.plan import Job
from dsjax.training.runtime import signals

_POLL = 0.5  # [s] between looks for signals


def run(waiting: Sequence[Job], sweep: Path, retries: int, tell: Callable[[str], None], address: str | None) -> None:
    """Train jobs on a Ray cluster, as `local.run` does on one machine.

    Args:
      waiting: the jobs.
      sweep: the sweep's folder.
      retries: how often a job may fail, or lose its worker or machine, without being given up.
      tell: called with each line of news.
      address: of the cluster, as "auto"; None starts Ray on this machine.

    Raises:
      RunError: Ray is not installed, or there is no cluster.
      Interrupted: SIGINT or SIGTERM came; Ray ends the jobs, and they can continue.
    """
    # Of lines that differ in numbers alone, as progress does, Ray would show but one.
    os.environ.setdefault("RAY_DEDUP_LOGS", "0")
    # Ray takes 127.0.0.1 for this machine's address in the network, where a cluster on loopback does not listen, and
    # tries for minutes. It takes it as it is where clusters are not enabled, whatever the system.
    os.environ.setdefault("RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER", "0")
    try:
        import ray
    except ImportError:
        raise RunError("--engine ray: Ray is not installed; pip install 'dsjax[ray]'") from None
    if not sys.stdout.isatty():  # Ray would color its jobs' lines in a file, or a pipe, too
        import colorama  # which Ray brings along

        colorama.init(strip=True)
    try:
        _knock(address)
        # Without an address Ray would join whatever cluster was started here last.
        ray.init(address=address or "local", log_to_driver=True, configure_logging=False)
    except OSError as error:  # ConnectionError is one
        reason = str(error).splitlines()[0]
        raise RunError(f"--address {address}: {reason}; start a cluster with ray start --head") from None
    place = remote.address(sweep) or Path(sweep).absolute()
    # A process for each job, as on one machine: it ends with its job, and all its memory with it.
    train = ray.remote(max_calls=1)(_train)
    tasks = {}
    for job in waiting:
        left = max(0, retries - jobs.attempts(job, sweep))
        # Ray hides the GPUs from a task that asks for none.
        gpus = 1 if job.on_device() and ray.cluster_resources().get("GPU") else 0
        options = {
            "name": job.name, "num_cpus": job.cores(), "num_gpus": gpus, "max_retries": left, "retry_exceptions": True,
        }  # fmt: skip
        tasks[train.options(**options).remote(job, place)] = job
    with signals() as came:
        try:
            while tasks:
                for task in ray.wait(list(tasks), timeout=_POLL)[0]:
                    _ended(ray, task, tasks.pop(task), sweep, tell)
                if came:
                    raise Interrupted(came[0].name)
        finally:
            ray.shutdown()


def _train(job: Job, place: str | Path) -> bool:
    """Train a job; return whether it is finished. One that another process trains is left to it, not tried again."""
    try:
        jobs.train(job, place)
    except (Busy, remote.Taken) as reason:
        print(reason)
        return False
    return True


def _knock(address: str | None) -> None:
    """Raise OSError unless somebody listens at an address "host:port": Ray itself would try for minutes."""
    host, _, port = (address or "").rpartition(":")
    if host and port.isdigit() and "://" not in host:
        socket.create_connection((host, int(port)), timeout=10).close()


def _ended(ray: Any, task: Any, job: Job, sweep: Path, tell: Callable[[str], None]) -> None:
    """Note how a task ended, for good."""
    remote.take(sweep, job.name, remote.is_status)
    try:
        tell(f"{job.name}: {'finished' if ray.get(task) else 'left to whoever trains it'}")
    except ray.exceptions.RayTaskError:  # its status says what it was
        tell(f"{job.name}: failed: {jobs.status(job, sweep).get('error', 'not trained')}")
    except ray.exceptions.RayError as error:
        reason = str(error).splitlines()[0]
        jobs.fail(job, sweep, reason)
        tell(f"{job.name}: failed: {reason}")
