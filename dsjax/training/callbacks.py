"""Callbacks observe a run. `progress` shows it on a terminal, `tensorboard` and `wandb_logger` log it.

A callback is told of the run by a `RunStatus`, and changes nothing. An exception that it raises ends the run.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np

from dsjax.config.schema import Config
from dsjax.training.episode_stats import EpisodeStats


@dataclass(frozen=True)
class RunStatus:
    """What a callback is told of a run: how it stood at the end of the last round."""

    config: Config
    folder: Path
    saved: int | None  # round of the last snapshot; None before the first
    evaluated: bool  # whether the frozen centers were evaluated after this round
    active: np.ndarray  # (N,) bool, members that train in the next round
    members: dict[str, Any]  # columns of `tables.SCHEMAS["members"]`, one row per member
    stats: EpisodeStats  # of all rounds done; the trainer goes on counting in it while a round runs
    seconds: float  # that this session has lasted
    evaluating: float  # [s] of them that evaluations took

    def fraction(self, tick: int = 0) -> float:
        """Return how much of the run is done, by the limit nearest, at a tick of the round in progress, in [0, 1]."""
        config, stats = self.config, self.stats
        steps = (stats.ticks + tick) / config.steps if config.steps else 0.0
        completed = stats.completed[self.active].min() if self.active.any() else 0
        return max(steps, completed / config.episodes if config.episodes else 0.0)


class Callback:
    """No-op callback; subclass it to observe a run. The trainer enters and exits it as a context manager."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        pass

    def on_start(self, run: RunStatus) -> None:
        """Called when a run starts, or resumes from the snapshot of round `run.saved`."""

    def on_step(self, run: RunStatus, tick: int) -> None:
        """Called at every step of a training round, with its number; `run` is as of the round before.

        The jax backend takes many steps at once: it calls this once for all of them, with the last one's number.
        """

    def on_evaluation_step(self, run: RunStatus, done: float) -> None:
        """Called at every step of an evaluation, of which a share in [0, 1] is done."""

    def on_round_end(self, run: RunStatus) -> None:
        """Called when a round is over, evaluated and written; also for the untrained population, as round 0."""

    def on_notice(self, text: str) -> None:
        """Called with a line that the user should read."""
