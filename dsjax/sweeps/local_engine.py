"""Jobs of a sweep on one machine: a process each, as many side by side as the cores warrant."""

import os
import sys
import threading
from collections import Counter, deque
from collections.abc import Callable, Sequence
from multiprocessing import connection, get_context, parent_process
from pathlib import Path
from typing import Any, NamedTuple

from dsjax.errors import Interrupted, RunError
from dsjax.machine import cores, gpu
from dsjax.storage.locks import Busy
from dsjax.sweeps import jobs, remote
from dsjax.sweeps.plan import Job
from dsjax.sweeps.remote import Taken
from dsjax.training.runtime import signals

# Exit statuses of a job's process: it failed, was asked to stop, or found or lost the job to another one.
_FAILED, _STOPPED, _LEFT = 1, 3, 4
_POLL = 0.5  # [s] between looks for signals


class _Try(NamedTuple):
    """A job's process."""

    process: Any
    job: Job
    number: int  # of the job's tries, from 1
    before: dict  # the job's status when it began


def slots(waiting: Sequence[Job]) -> int:
    """Return how many jobs this machine trains side by side: one if they compute on a GPU, as each takes it whole."""
    if gpu() and any(job.on_device() for job in waiting):
        return 1
    return max(1, min(len(waiting), cores() // max((job.cores() for job in waiting), default=1)))


def run(waiting: Sequence[Job], sweep: Path, retries: int, tell: Callable[[str], None], side_by_side: int = 0) -> None:
    """Train jobs, each again when it fails until it has failed 1 + retries times. What became of them, `jobs` tells.

    Args:
      waiting: the jobs.
      sweep: the sweep's folder.
      retries: how often a job may fail without being given up.
      tell: called with each line of news.
      side_by_side: how many jobs at once; 0 is as many as the cores warrant.

    Raises:
      RunError: this is Windows.
      Interrupted: SIGINT or SIGTERM came; all jobs have stopped, and can continue.
    """
    if not hasattr(os, "setsid"):  # by which Ctrl-C in a terminal is kept from the jobs
        raise RunError("a sweep on one machine takes Linux or macOS; on Windows train its jobs one by one, or use WSL")
    queue = deque(waiting)
    tries: Counter[str] = Counter()
    running: dict[Any, _Try] = {}  # by what is ready when its process has ended
    most = side_by_side or slots(waiting)
    with signals() as came:
        try:
            while queue or running:
                while queue and len(running) < most:
                    job = queue.popleft()
                    tries[job.name] += 1
                    process = get_context("spawn").Process(target=_child, args=(job, sweep))
                    process.start()
                    running[process.sentinel] = _Try(process, job, tries[job.name], jobs.status(job, sweep))
                for ended in connection.wait(list(running), timeout=_POLL):
                    ended_try = running.pop(ended)
                    ended_try.process.join()
                    if _again(ended_try, sweep, retries, tell):
                        queue.append(ended_try.job)
                if came:
                    raise Interrupted(came[0].name)
        finally:
            for each in running.values():
                each.process.terminate()  # after the step in progress
            for each in running.values():
                each.process.join()


def _again(ended: _Try, sweep: Path, retries: int, tell: Callable[[str], None]) -> bool:
    """Note how a try ended; return whether its job is to be tried again."""
    job, exit_status = ended.job, ended.process.exitcode
    if exit_status == 0:
        tell(f"{job.name}: finished")
        return False
    if exit_status == _LEFT:
        tell(f"{job.name}: left to whoever trains it")
        return False
    found = jobs.status(job, sweep)
    if found["state"] != "failed" or found == ended.before:  # it has not noted that itself
        try:
            jobs.fail(job, sweep, f"its process ended before its time (exit status {exit_status})")
        except Taken as taken:
            tell(str(taken))
            return False
        found = jobs.status(job, sweep)
    # Tries count too: a depot that takes no files does not keep how often a job has failed.
    again = max(found["attempts"], ended.number) <= retries
    tell(f"{job.name}: {found['error']}{'; trying again' if again else ''}")
    return again


def _child(job: Job, sweep: Path) -> None:
    """Train a job in a process of its own, which stops when its parent says so, or is gone."""
    os.setsid()  # Ctrl-C in the terminal is for the parent alone
    threading.Thread(target=_end_with_parent, daemon=True).start()
    before = jobs.status(job, sweep)
    try:
        jobs.train(job, remote.address(sweep) or sweep)
    except Interrupted:
        sys.exit(_STOPPED)
    except (Busy, Taken) as reason:
        sys.stderr.write(f"{reason}\n")
        sys.exit(_LEFT)
    except Exception:
        if jobs.status(job, sweep) == before:
            raise
        sys.exit(_FAILED)  # its status says what it was


def _end_with_parent() -> None:
    """End this process as soon as its parent has: a sweep that is started again must find nobody at work."""
    parent = parent_process()
    assert parent is not None
    connection.wait([parent.sentinel])
    os._exit(_STOPPED)
