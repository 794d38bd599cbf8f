"""Run one sweep job idempotently: start, resume or skip it; and what its files say of it.

jobs/NAME/              the run
status/NAME.json        finished, or failed: how often and why; nothing while neither
status/NAME.lock        locked by the process that trains it; a note beside it says which
"""

import json
import shutil
import traceback
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from rich.console import Console

from dsjax.errors import Interrupted, RunError
from dsjax.storage import locks
from dsjax.storage.atomic import make_folder, write_text
from dsjax.storage.locks import Busy
from dsjax.sweeps import remote
from dsjax.sweeps.plan import Job
from dsjax.training import runtime
from dsjax.training.callbacks import Callback, RunStatus
from dsjax.training.progress import ProgressDisplay
from dsjax.training.trainer import Trainer

_PATIENCE = 30.0  # [s] for a process that trained the job before, and was told to end


def train(job: Job, place: str | Path) -> None:
    """Train a job to its end, from where it is; a job that is finished is left alone.

    Args:
      job: the job.
      place: the sweep's folder, or its depot.

    Raises:
      Interrupted: the process was asked to stop; the job can continue later.
      Busy: another process is training the job.
      Taken: another machine has taken the job from the depot meanwhile.
      Exception: the job failed, as its status says from now on.
    """
    sweep = remote.working_copy(place)
    folder = job.folder(sweep)
    lock = _path(job, sweep, "lock")
    make_folder(lock.parent)
    with locks.hold(lock, job.name, _PATIENCE):
        try:
            remote.take(sweep, job.name)
            if status(job, sweep)["state"] == "finished":
                return
            runtime.prepare(job.config.rows, job.config.environment)
            begun = (folder / "config.toml").exists()
            if folder.exists() and not begun:  # killed before there was a run
                shutil.rmtree(folder)
            # Lines with the job's name, as several jobs share a terminal.
            trainer = Trainer(job.config, folder, [ProgressDisplay(Console(soft_wrap=True), job.name)])
            if remote.address(sweep):
                trainer.callbacks.append(_Upload(trainer.settle, partial(remote.push, sweep, job.name)))
            trainer.run(resume=begun)
        except (Interrupted, Busy, remote.Taken):
            raise
        except Exception as error:
            fail(job, sweep, _one_line(error), traceback.format_exc())
            raise
        stopped = [row for row, round_ in enumerate(trainer.stats.stopped_round.tolist()) if round_ >= 0]
        _write(job, sweep, {"state": "finished", "stopped": stopped}, remote.everything)


class _Upload(Callback):
    """Upload what is new after every round."""

    def __init__(self, settle: Callable[[], None], push: Callable[[], None]) -> None:
        self._settle, self._push = settle, push

    def on_round_end(self, run: RunStatus) -> None:
        self._settle()
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
    _write(job, sweep, failed, remote.is_status)


def holder(job: Job, sweep: Path) -> str | None:
    """Return which process trains a job at this moment; None if none does that shares the sweep's folder."""
    return locks.holder(_path(job, sweep, "lock"))


def _one_line(error: Exception) -> str:
    text = str(error).splitlines()
    what = text[0] if text else "no message"
    return what if isinstance(error, RunError) else f"{type(error).__name__}: {what}"


def _write(job: Job, sweep: Path, values: dict[str, Any], pushed: Callable[[str], bool]) -> None:
    path = _path(job, sweep, "json")
    make_folder(path.parent)
    write_text(path, json.dumps(values, indent=2) + "\n")
    remote.push(sweep, job.name, pushed)


def _path(job: Job, sweep: Path, kind: str) -> Path:
    return Path(sweep) / "status" / f"{job.name}.{kind}"
