"""Show a run while it trains: a live bar on a terminal, plain lines elsewhere."""

import time
from typing import Self

import numpy as np
from rich.console import Console, Group
from rich.live import Live
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.text import Text

from dsjax.analysis.stats import iqm
from dsjax.training.callbacks import Callback, RunStatus
from dsjax.training.episode_stats import EpisodeStats

_LIVE_SECONDS = 0.5  # between refreshes on a terminal
_PLAIN_SECONDS = 15.0  # between lines elsewhere


class ProgressDisplay(Callback):
    """Progress on a rich console. With a label it is lines that start with it, and never a bar."""

    def __init__(self, console: Console, label: str = "") -> None:
        self._console, self._label = console, label and label + "  "
        self._live = console.is_terminal and not label
        self._progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            TextColumn("{task.percentage:>3.0f} %"),
            TextColumn("{task.fields[rate]:>7,.0f} steps/s"),
            TimeElapsedColumn(),
            TextColumn("left"),
            TimeRemainingColumn(elapsed_when_finished=False),
            console=console,
        )
        self._task = self._progress.add_task("starting", total=1.0, rate=0.0)
        self._figures = Text("")
        self._screen = Live(self._render(), console=console, auto_refresh=False) if self._live else None
        self._shown = time.monotonic()
        self._tick: int | None = None  # of the round, when last shown

    def __enter__(self) -> Self:
        if self._screen:
            self._screen.start()
        return self

    def __exit__(self, *error: object) -> None:
        if self._screen:
            self._screen.stop()

    def on_step(self, run: RunStatus, tick: int) -> None:
        """Show progress if enough time has passed."""
        now = time.monotonic()
        if self._tick is None:
            self._tick, self._shown = tick, now
        if now - self._shown >= (_LIVE_SECONDS if self._live else _PLAIN_SECONDS):
            rate = (tick - self._tick) * run.active.sum() / (now - self._shown)
            self._show(run, run.fraction(tick), rate, f"in round {run.stats.rounds + 1}")
            self._shown, self._tick = now, tick

    def on_evaluation_step(self, run: RunStatus) -> None:
        """Say so if enough time has passed: a hundred terrains take a minute."""
        now = time.monotonic()
        if now - self._shown >= (_LIVE_SECONDS if self._live else _PLAIN_SECONDS):
            self._show(run, run.fraction(), None, "evaluating")
            self._shown, self._tick = now, None

    def on_round_end(self, run: RunStatus) -> None:
        """Show the figures at a round's end, with the last evaluation."""
        # Members of a branch start trained.
        first = "at the start" if run.config.parent.run else "untrained"
        self._show(run, run.fraction(), None, f"done round {run.stats.rounds}" if run.stats.rounds else first)
        self._shown, self._tick = time.monotonic(), None  # evaluation and saving are not training time

    def on_notice(self, text: str) -> None:
        """Print a line that the user should read, above the bar."""
        self._console.print(Text(self._label + text, style="yellow"), soft_wrap=bool(self._label))

    def _show(self, run: RunStatus, fraction: float, rate: float | None, doing: str) -> None:
        figures = _figures_line(run)
        if self._screen:
            self._progress.update(self._task, completed=fraction, description=doing)
            if rate is not None:
                self._progress.update(self._task, rate=rate)
            self._figures = Text(figures)
            self._screen.update(self._render(), refresh=True)
        else:
            speed = "" if rate is None else f"  {rate:,.0f} steps/s"
            line = f"{self._label}{fraction:4.0%}  {doing}{speed}  {figures}"
            self._console.print(line, soft_wrap=True, markup=False, emoji=False, highlight=False)

    def _render(self) -> Group:
        return Group(self._progress, self._figures)


def _figures_line(run: RunStatus) -> str:
    """Return one line on the population: returns of the last 100 training episodes, and of the frozen centers."""
    stats = run.stats
    parts = []
    if stats.completed.any():
        figures = _summary(stats)
        parts.append(
            f"training: median {figures['median']:.1f}, IQM {figures['iqm']:.1f}, best {figures['best']:.1f}, "
            f"length {figures['length']:.0f}"
        )
    frozen = stats.frozen_return[np.isfinite(stats.frozen_return)]
    if len(frozen):
        parts.append(f"frozen: median {np.median(frozen):.1f}, best {frozen.max():.1f}")
    solved = f"solved {int(stats.solved().sum())}/{len(stats.steps)}"
    parts.append(f"{solved} | amplitude {run.members['amplitude'].mean():.4f}")
    return " | ".join(parts)


def _summary(stats: EpisodeStats) -> dict[str, float]:
    """Return the population's figures on its last training episodes."""
    trained = stats.training_return()
    trained = trained[np.isfinite(trained)]
    lengths = stats.training_length()
    lengths = lengths[np.isfinite(lengths)]
    return {
        "median": float(np.median(trained)) if len(trained) else float("nan"),
        "iqm": iqm(trained),
        "best": float(stats.best_return.max()),
        "length": float(lengths.mean()) if len(lengths) else float("nan"),
    }
