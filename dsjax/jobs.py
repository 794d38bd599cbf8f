"""One job of a sweep: begun, gone on with or skipped, whatever became of it before; and what its files say of it.

jobs/NAME/              the run
status/NAME.json        finished, or failed: how often and why; nothing while neither
status/NAME.lock        locked by the process that trains it; a note beside it says which
"""

import json
import shutil
import traceback
from functools import partial
from pathlib import Path

from rich.console import Console

from dsjax import depot, locks, runtime
from dsjax.display import Display
from dsjax.errors import Interrupted, RunError
from dsjax.locks import Busy
from dsjax.plan import Job
from dsjax.records import make_folder, write_text
from dsjax.training import Trainer

_PATIENCE = 30.0  # [s] for a process that trained the job before, and was told to end


def train(job: Job, place: str | Path) -> None:
    """Train a job to its end, from where it is; a job that is finished is left alone.

    Args:
      job: the job.
      place: the sweep's folder, or its depot.

    Raises:
      Interrupted: the process was asked to stop; the job can go on later.
      Busy: another process is training the job.
      Taken: another machine has taken the job from the depot meanwhile.
      Exception: the job failed, as its status says from now on.
    """
    sweep = depot.working_copy(place)
    folder = job.folder(sweep)
    lock = _path(job, sweep, "lock")
    make_folder(lock.parent)
    with locks.hold(lock, job.name, _PATIENCE):
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
        except (Interrupted, Busy, depot.Taken):
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
    return locks.holder(_path(job, sweep, "lock"))


def _one_line(error):
    text = str(error).splitlines()
    what = text[0] if text else "no message"
    return what if isinstance(error, RunError) else f"{type(error).__name__}: {what}"


def _write(job, sweep, values, pushed):
    path = _path(job, sweep, "json")
    make_folder(path.parent)
    write_text(path, json.dumps(values, indent=2) + "\n")
    depot.push(sweep, job.name, pushed)


def _path(job, sweep, kind):
    return Path(sweep) / "status" / f"{job.name}.{kind}"
