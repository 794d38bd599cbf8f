"""One job of a sweep: begun, gone on with or skipped, whatever became of it before; and what its files say of it.

jobs/NAME/              the run
status/NAME.json        finished, or failed: how often and why; nothing while neither
status/NAME.lock        locked by the process that trains it, and naming it
"""

import errno
import fcntl
import json
import os
import platform
import shutil
import time
import traceback
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from rich.console import Console

from dsjax import depot, runtime
from dsjax.display import Display
from dsjax.plan import Job
from dsjax.records import RunError, write_text
from dsjax.training import Interrupted, Trainer

_PATIENCE = 30.0  # [s] for a process that trained the job before, and was told to end


class JobBusy(RunError):
    """Another process is training the job."""


def train(job: Job, place: str | Path) -> None:
    """Train a job to its end, from where it is; a job that is finished is left alone.

    Args:
      job: the job.
      place: the sweep's folder, or its depot.

    Raises:
      Interrupted: the process was asked to stop; the job can go on later.
      JobBusy: another process is training the job.
      Taken: another machine has taken the job from the depot meanwhile.
      Exception: the job failed, as its status says from now on.
    """
    sweep = depot.working_copy(place)
    folder = job.folder(sweep)
    with _lock(job, sweep):
        try:
            depot.take(sweep, job.name)
            if status(job, sweep)["state"] == "finished":
                return
            runtime.prepare(job.config.rows)
            begun = (folder / "config.toml").exists()
            if folder.exists() and not begun:  # killed before there was a run
                shutil.rmtree(folder)
            trainer = Trainer(job.config, folder, _Progress(job, sweep))
            trainer.run(resume=begun)
        except (Interrupted, depot.Taken):
            raise
        except Exception as error:
            fail(job, sweep, _one_line(error), traceback.format_exc())
            raise
        stopped = [row for row, round_ in enumerate(trainer.tally.stopped_round.tolist()) if round_ >= 0]
        _write(job, sweep, {"state": "finished", "stopped": stopped}, depot.everything)


class _Progress(Display):
    """Lines with the job's name, as several jobs share a terminal; what is new goes to the depot, if there is one."""

    def __init__(self, job, sweep):
        super().__init__(Console(soft_wrap=True), job.name)
        self._push = partial(depot.push, sweep, job.name) if depot.address(sweep) else None

    def round_done(self, trainer):
        super().round_done(trainer)
        if self._push:
            trainer.settle()
            self._push()


def status(job: Job, sweep: Path) -> dict:
    """Return what is known of a job: "state" is waiting, begun, failed or finished.

    A failed one has "attempts" and "error", a finished one "stopped": the rows whose values were not finite.
    """
    path = _path(job, sweep, "json")
    if path.exists():
        return json.loads(path.read_text())
    return {"state": "begun" if (job.folder(sweep) / "config.toml").exists() else "waiting"}


def attempts(job: Job, sweep: Path) -> int:
    """Return how often a job has failed."""
    return status(job, sweep).get("attempts", 0)


def fail(job: Job, sweep: Path, error: str, details: str = "") -> None:
    """Note that a job has failed once more, and why."""
    failed = {"state": "failed", "attempts": attempts(job, sweep) + 1, "error": error, "details": details}
    # The run's files are only those of a state that once was if its own process says so.
    _write(job, sweep, failed, depot.is_status)


def holder(job: Job, sweep: Path) -> str | None:
    """Return which process trains a job at this moment; None if none does that shares the sweep's folder."""
    path = _path(job, sweep, "lock")
    if not path.exists():
        return None
    with open(path, "a+") as file:
        file.seek(0)
        return None if _locked(file) else file.read().strip()


def _one_line(error):
    text = str(error).splitlines()
    what = text[0] if text else "no message"
    return what if isinstance(error, RunError) else f"{type(error).__name__}: {what}"


def _write(job, sweep, values, pushed):
    path = _path(job, sweep, "json")
    path.parent.mkdir(exist_ok=True)
    write_text(path, json.dumps(values, indent=2) + "\n")
    depot.push(sweep, job.name, pushed)


def _path(job, sweep, kind):
    return Path(sweep) / "status" / f"{job.name}.{kind}"


@contextmanager
def _lock(job, sweep):
    """Hold a job for this process: two that train it would write each other's files."""
    path = _path(job, sweep, "lock")
    path.parent.mkdir(exist_ok=True)
    end = time.monotonic() + _PATIENCE
    with open(path, "a+") as file:
        while not _locked(file):
            if time.monotonic() > end:
                file.seek(0)
                raise JobBusy(f"{job.name} is being trained by another process: {file.read().strip()}")
            time.sleep(0.2)
        file.truncate(0)
        file.write(f"process {os.getpid()} on {platform.node()}\n")
        file.flush()
        yield


def _locked(file):
    """Return whether the file's lock is now ours; a file system without locks has nothing to wait for."""
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        return error.errno not in (errno.EWOULDBLOCK, errno.EACCES)
    return True
