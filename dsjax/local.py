"""Jobs of a sweep on one machine: a process each, as many side by side as the cores warrant."""

import os
import sys
import threading
from collections import deque
from collections.abc import Callable, Sequence
from multiprocessing import connection, get_context, parent_process
from pathlib import Path
from typing import Any

from dsjax import depot, jobs
from dsjax.environment import cores
from dsjax.jobs import JobBusy
from dsjax.plan import Job
from dsjax.runtime import signals
from dsjax.training import Interrupted

_FAILED, _STOPPED = 1, 3  # exit statuses of a job's process: what failed is noted, or it was asked to stop
_POLL = 0.5  # [s] between looks for signals


def slots(waiting: Sequence[Job]) -> int:
    """Return how many jobs this machine trains side by side."""
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
      Interrupted: SIGINT or SIGTERM came; all jobs have stopped, and can go on.
    """
    queue = deque(waiting)
    running: dict[Any, tuple[Any, Job]] = {}  # by what is ready when its process has ended
    most = side_by_side or slots(waiting)
    with signals() as came:
        try:
            while queue or running:
                while queue and len(running) < most:
                    process = get_context("spawn").Process(target=_child, args=(queue[0], sweep))
                    process.start()
                    running[process.sentinel] = process, queue.popleft()
                for ended in connection.wait(list(running), timeout=_POLL):
                    process, job = running.pop(ended)
                    process.join()
                    if _again(job, process.exitcode, sweep, retries, tell):
                        queue.append(job)
                if came:
                    raise Interrupted(came[0].name)
        finally:
            for process, _ in running.values():
                process.terminate()  # after the step in progress
            for process, _ in running.values():
                process.join()


def _again(job, exit_status, sweep, retries, tell):
    """Note how a job's process ended; return whether the job is to be tried again."""
    if exit_status == 0:
        tell(f"{job.name}: finished")
        return False
    if exit_status != _FAILED:
        jobs.fail(job, sweep, f"its process was ended from outside (exit status {exit_status})")
    found = jobs.status(job, sweep)
    again = found["state"] == "failed" and found["attempts"] <= retries
    tell(f"{job.name}: {found.get('error', 'not trained')}{'; trying again' if again else ''}")
    return again


def _child(job, sweep):
    """Train a job in a process of its own, which stops when its parent says so, or is gone."""
    os.setsid()  # Ctrl-C in the terminal is for the parent alone
    threading.Thread(target=_end_with_parent, daemon=True).start()
    try:
        jobs.train(job, depot.address(sweep) or sweep)
    except Interrupted:
        sys.exit(_STOPPED)
    except JobBusy as busy:
        sys.stderr.write(f"{busy}\n")
        sys.exit(_FAILED)
    except Exception:  # its status says what it was
        sys.exit(_FAILED)


def _end_with_parent():
    """End this process as soon as its parent has: a sweep that is started again must find nobody at work."""
    parent = parent_process()
    assert parent is not None
    connection.wait([parent.sentinel])
    os._exit(_STOPPED)
