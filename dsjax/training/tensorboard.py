"""Log a run for TensorBoard: a copy of what the run's own files say, written at every round's end.

tensorboard --logdir RUN/tensorboard

population     statistics over members, over steps of the vector env
member000 ...  each member's own figures, over its own environment steps; TensorBoard draws them as one line each
"""

import time
from pathlib import Path
from typing import Any

import numpy as np

from dsjax.analysis.stats import iqm
from dsjax.errors import RunError
from dsjax.training.callbacks import Callback, RunStatus


class TensorBoardLogger(Callback):
    """Write RUN/tensorboard."""

    def __init__(self, folder: Path) -> None:
        """Prepare to log a run.

        Args:
          folder: of the run.

        Raises:
          RunError: tensorboardX is not installed.
        """
        try:
            import tensorboardX  # noqa: F401, an extra that only this needs
        except ModuleNotFoundError:
            raise RunError("--tensorboard: tensorboardX is not installed; pip install 'dsjax[tensorboard]'") from None
        self._folder = Path(folder) / "tensorboard"
        self._lines: dict[str, _Line] = {}

    def __exit__(self, *error: object) -> None:
        for line in self._lines.values():
            line.close()

    def on_start(self, run: RunStatus) -> None:
        """Start a file per line. What an earlier session wrote after the step at which this one starts is void."""
        stats = run.stats
        resumed = run.saved is not None
        steps = {_name(member): step for member, step in enumerate(stats.steps)} | {"population": stats.ticks}
        for name, step in steps.items():
            self._lines[name] = _Line(self._folder / name, int(stats.rounds), int(step) if resumed else -1)

    def on_round_end(self, run: RunStatus) -> None:
        """Write the figures of the round."""
        stats, evaluated, columns = run.stats, run.evaluated, run.members
        # What a stopped member had last is of an earlier evaluation.
        frozen = np.where(columns["running"], stats.frozen_return, np.nan)
        trained, lengths = stats.training_return(), stats.training_length()
        figures = {"training/return": trained, "training/length": lengths}
        if evaluated:
            figures["frozen/return"] = frozen
        figures |= {f"members/{name}": columns[name] for name in ("amplitude", "sensitivity", "drift")}
        for member, step in enumerate(stats.steps):
            self._lines[_name(member)].write(int(step), {tag: series[member] for tag, series in figures.items()})
        whole = {
            **_over_members("population/training", trained),
            **(_over_members("population/frozen", frozen) if evaluated else {}),
            "population/training_length": _mean(lengths),
            "population/best_episode": stats.best_return.max(),
            "population/amplitude": _mean(columns["amplitude"]),
            "population/solved_training": np.count_nonzero(stats.training_solved_step >= 0),
            "population/solved_frozen": np.count_nonzero(stats.frozen_solved_step >= 0),
        }
        self._lines["population"].write(int(stats.ticks), whole)


class _Line:
    """The events of one line. tensorboardX's `SummaryWriter` would keep two threads and a pipe for each of them."""

    def __init__(self, folder: Path, number: int, step: int) -> None:
        """Begin a file named by the round, to continue after a step; -1 is before all steps."""
        from tensorboardX.event_file_writer import EventsWriter
        from tensorboardX.proto import event_pb2

        folder.mkdir(parents=True, exist_ok=True)
        self._protocol: Any = event_pb2
        self._file = EventsWriter(str(folder / "events"), f".round{number:06d}")
        self._step = step
        # TensorBoard drops what other files of the folder say from the step on at which a session starts.
        self._add(step + 1, session_log=event_pb2.SessionLog(status=event_pb2.SessionLog.START))

    def write(self, step: int, figures: dict[str, Any]) -> None:
        """Write figures by tag, those that are finite; nothing if there was no step since the last ones."""
        if step > self._step:
            finite = {tag: float(value) for tag, value in figures.items() if np.isfinite(value)}
            self._add(step, summary={"value": [{"tag": tag, "simple_value": v} for tag, v in finite.items()]})
            self._file.flush()
            self._step = step

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def _add(self, step: int, **what: Any) -> None:
        self._file.write_event(self._protocol.Event(wall_time=time.time(), step=step, **what))


def _name(member: int) -> str:
    return f"member{member:03d}"


def _over_members(tag: str, values: np.ndarray) -> dict[str, float]:
    """Return a population's statistics of one value per member, nan where a member has none yet."""
    values = values[np.isfinite(values)]
    if not len(values):
        return {}
    return {f"{tag}_median": np.median(values), f"{tag}_iqm": iqm(values), f"{tag}_best": values.max()}


def _mean(values: np.ndarray) -> float:
    values = values[np.isfinite(values)]
    return values.mean() if len(values) else np.nan
