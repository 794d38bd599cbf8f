"""Log a run for TensorBoard: the figures of `scalars`, written at every round's end.

tensorboard --logdir RUN/tensorboard

Each line is a folder of its own, which TensorBoard draws as one line of a chart.
"""

import time
from pathlib import Path
from typing import Any

from dsjax.errors import RunError
from dsjax.training import scalars
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
        resumed = run.saved is not None
        for name, step in scalars.steps(run).items():
            self._lines[name] = _Line(self._folder / name, int(run.stats.rounds), step if resumed else -1)

    def on_round_end(self, run: RunStatus) -> None:
        """Write the figures of the round."""
        for name, line in scalars.lines(run).items():
            self._lines[name].write(line)


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

    def write(self, line: scalars.Line) -> None:
        """Write figures by tag; nothing if there was no step since the last ones."""
        if line.step > self._step:
            self._add(line.step, summary={"value": [{"tag": t, "simple_value": v} for t, v in line.scalars.items()]})
            self._file.flush()
            self._step = line.step

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def _add(self, step: int, **what: Any) -> None:
        self._file.write_event(self._protocol.Event(wall_time=time.time(), step=step, **what))
