"""Log a run to Weights & Biases: the figures of `scalars` and the whole config, at every round's end.

A run of dsjax is one run there, under one id however often it is resumed; RUN/wandb/id holds the id. WANDB_MODE=offline
keeps everything in RUN/wandb, for `wandb sync` to upload later. WANDB_PROJECT and WANDB_ENTITY say where it goes.
"""

import secrets
from dataclasses import asdict
from pathlib import Path
from typing import Any

from dsjax.errors import RunError
from dsjax.storage.atomic import make_folder, write_text
from dsjax.training import scalars
from dsjax.training.callbacks import Callback, RunStatus

_PROJECT = "dsjax"  # unless WANDB_PROJECT says otherwise


class WandbLogger(Callback):
    """Log to Weights & Biases. Tags are TensorBoard's; those of a member start with its name, as member000/."""

    def __init__(self, folder: Path) -> None:
        """Prepare to log a run.

        Args:
          folder: of the run.

        Raises:
          RunError: wandb is not installed, or not logged in.
        """
        try:
            import wandb  # an extra that only this needs
        except ModuleNotFoundError:
            raise RunError("--wandb: wandb is not installed; pip install 'dsjax[wandb]'") from None
        self._wandb: Any = wandb
        self._folder = Path(folder)
        self._run: Any = None
        try:
            # Asked now, as a question amid a training would not be seen.
            ready = wandb.setup().settings.mode != "online" or wandb.login(prompt=False)
        except wandb.Error as error:
            raise RunError(f"--wandb: {error}") from None
        if not ready:
            raise RunError("--wandb: not logged in; run `wandb login`, or set WANDB_MODE=offline")

    def __exit__(self, *error: object) -> None:
        if self._run is not None:
            self._run.finish(exit_code=0 if error[0] is None else 1)

    def on_start(self, run: RunStatus) -> None:
        """Start the run, or continue it under the id that it began with."""
        try:
            self._run = self._wandb.init(
                project=self._wandb.setup().settings.project or _PROJECT,
                name=self._folder.resolve().name,
                id=self._id(),
                resume="allow",
                dir=str(self._folder),
                config=asdict(run.config),
                allow_val_change=True,  # limits, which a resume may change
                settings=self._wandb.Settings(console="off"),  # the terminal shows a bar that moves
            )
        except self._wandb.Error as error:
            raise RunError(f"--wandb: {error}") from None
        for name in scalars.steps(run):
            self._run.define_metric(_step(name), hidden=True)
            self._run.define_metric(f"{name}/*", step_metric=_step(name))

    def on_round_end(self, run: RunStatus) -> None:
        """Log the figures of the round.

        W&B's own step is the round. It drops rounds that it has: after a kill or `--snapshot` they are computed again,
        to the same figures as long as the config is the same.
        """
        row: dict[str, float] = {}
        for name, line in scalars.lines(run).items():
            prefix = "" if name == scalars.POPULATION else f"{name}/"
            row |= {_step(name): line.step} | {f"{prefix}{tag}": value for tag, value in line.scalars.items()}
        self._run.log(row, step=int(run.stats.rounds))

    def _id(self) -> str:
        """Return the run's id: that of an earlier session, or a new one, which is kept."""
        path = self._folder / "wandb" / "id"
        if path.exists():
            return path.read_text().strip()
        make_folder(path.parent)
        write_text(path, f"{(fresh := secrets.token_hex(4))}\n")
        return fresh


def _step(name: str) -> str:
    """Return the metric that a line's charts are drawn over."""
    return f"{name}/step"
