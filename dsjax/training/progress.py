"""Show a run while it trains: a live bar with its curves on a terminal, plain lines elsewhere.

Returns are the median over members, and in brackets the best member's: `learning` is the mean of a member's last 100
training episodes, `frozen` that of its frozen centers on the held-out terrains of the last evaluation.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import count
from typing import Self

import numpy as np
from rich.console import Console, Group
from rich.live import Live
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.text import Text

from dsjax.analysis.formats import BLOCKS, short_duration, sparkline
from dsjax.training.callbacks import Callback, RunStatus

_LIVE_SECONDS = 0.5  # between refreshes on a terminal
_PLAIN_SECONDS = 5.0  # between lines elsewhere, at first ...
_PLAIN_SHARE = 1 / 60  # ... and later as a share of the time so far: a long run's log stays short
_KEY = (
    "Returns: median over members (best member). learning: the last 100 episodes of\n"
    "training; frozen: the centers alone, on held-out terrains."
)
_ASCII = "_.-=+*%#"


class ProgressDisplay(Callback):
    """Progress on a rich console. With a label it is lines that start with it, and never a bar."""

    def __init__(self, console: Console, label: str = "") -> None:
        self._console, self._label = console, label and label + "  "
        self._live = console.is_terminal and not label
        self._progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(20),
            TextColumn("{task.percentage:>3.0f} %"),
            TextColumn("{task.fields[rate]:>6,.0f} steps/s"),
            TimeElapsedColumn(),
            TextColumn("left"),
            TimeRemainingColumn(elapsed_when_finished=False),
            console=console,
        )
        self._task = self._progress.add_task("starting", total=1.0, rate=0.0)
        self._figures = Text("")
        self._screen = Live(self._render(), console=console, auto_refresh=False) if self._live else None
        self._started = self._shown = time.monotonic()
        self._first = 0.0  # share of the run that was done when this session began
        self._tick: int | None = None  # of the round, when last shown
        self._explained = False  # whether a reader of lines has been told what the returns are
        self._curves: dict[str, list[float]] = {"learning": [], "frozen": []}  # medians of this session's rounds

    def __enter__(self) -> Self:
        if self._screen:
            self._screen.start()
        return self

    def __exit__(self, *error: object) -> None:
        if self._screen:
            self._screen.stop()

    def on_start(self, run: RunStatus) -> None:
        """Note where this session starts."""
        self._first, self._started = run.fraction(), time.monotonic()

    def on_step(self, run: RunStatus, tick: int) -> None:
        """Show progress if enough time has passed."""
        now = time.monotonic()
        if self._tick is None:
            self._tick, self._shown = tick, now
        if self._due(now):
            rate = (tick - self._tick) * run.active.sum() / (now - self._shown)
            number, fraction = run.stats.rounds + 1, run.fraction(tick)
            self._update(fraction, f"round {number}", rate)
            self._line(fraction, f"in round {number}", f"{rate:,.0f} steps/s", self._left(fraction))
            self._shown, self._tick = now, tick

    def on_evaluation_step(self, run: RunStatus, done: float) -> None:
        """Show how far an evaluation is if enough time has passed: a hundred terrains take a minute."""
        now = time.monotonic()
        if self._due(now):
            self._update(run.fraction(), f"evaluating {done:.0%}")
            self._line(run.fraction(), f"evaluating, {done:.0%} done")
            self._shown, self._tick = now, None

    def on_round_end(self, run: RunStatus) -> None:
        """Show the figures at a round's end, with the last evaluation."""
        # Members of a branch start trained.
        first = "at the start" if run.config.parent.run else "untrained"
        number, returns = int(run.stats.rounds), _returns(run)
        for name, curve in self._curves.items():
            curve.append(np.median(returns[name]) if len(returns[name]) else np.nan)
        self._figures = Text(self._panel(run, returns))
        self._update(run.fraction(), f"round {number}" if number else first)
        parts = [f"{name} {_median_and_best(values)}" for name, values in returns.items() if len(values)]
        solved = int(run.stats.solved().sum())
        self._line(
            run.fraction(), f"round {number}" if number else first, *parts, f"{solved} solved" if solved else "",
            self._left(run.fraction()),
        )  # fmt: skip
        self._shown, self._tick = time.monotonic(), None  # evaluation and saving are not training time

    def on_notice(self, text: str) -> None:
        """Print a line that the user should read, above the bar."""
        self._console.print(Text(self._label + text, style="yellow"), soft_wrap=bool(self._label))

    def _due(self, now: float) -> bool:
        plain = max(_PLAIN_SECONDS, _PLAIN_SHARE * (now - self._started))
        return now - self._shown >= (_LIVE_SECONDS if self._live else plain)

    def _left(self, fraction: float) -> str:
        """Return how much time is left, in words; "" as long as nothing is known."""
        done = fraction - self._first
        passed = time.monotonic() - self._started
        return f"{short_duration(passed * (1 - fraction) / done)} left" if done > 0 and fraction < 1 else ""

    def _update(self, fraction: float, doing: str, rate: float | None = None) -> None:
        """Refresh the bar and what stands below it."""
        if self._screen:
            self._progress.update(self._task, completed=fraction, description=doing)
            if rate is not None:
                self._progress.update(self._task, rate=rate)
            self._screen.update(self._render(), refresh=True)

    def _line(self, fraction: float, *parts: str) -> None:
        """Print a line, where no bar is shown."""
        if not self._screen:
            if not (self._explained or self._label):
                self._console.print(_KEY, highlight=False)
            self._explained = True
            line = "  ".join([f"{self._label}{fraction:4.0%}", *filter(None, parts)])
            self._console.print(line, soft_wrap=True, markup=False, emoji=False, highlight=False)

    def _panel(self, run: RunStatus, returns: dict[str, np.ndarray]) -> str:
        """Return both curves with their last values, on one scale, and what else there is to know."""
        seen = [value for curve in self._curves.values() for value in curve if np.isfinite(value)]
        low, high = min(seen, default=0.0), max(seen, default=0.0)
        levels = _ASCII if self._console.options.ascii_only else BLOCKS
        lines = [
            f"{name:8}  {sparkline(self._curves[name], low, high, levels=levels):32}  {_median_and_best(values)}"
            for name, values in returns.items()
        ]
        share = f"evaluations take {run.evaluating / run.seconds:.0%} of the time" if run.evaluating else ""
        solved = f"solved {int(run.stats.solved().sum())}/{len(run.stats.steps)}"
        amplitude = f"amplitude {run.members['amplitude'].mean():.3f}"
        return "\n".join([*lines, "  ".join(filter(None, [solved, amplitude, share])), _KEY])

    def _render(self) -> Group:
        return Group(self._progress, self._figures)


def _returns(run: RunStatus) -> dict[str, np.ndarray]:
    """Return the members' returns that there are, by kind."""
    returns = {"learning": run.stats.training_return(), "frozen": run.stats.frozen_return}
    return {name: values[np.isfinite(values)] for name, values in returns.items()}


def _median_and_best(values: np.ndarray) -> str:
    return f"{np.median(values):.0f} ({values.max():.0f})" if len(values) else "-"


@contextmanager
def task_progress(console: Console, doing: str) -> Iterator[Callable[[float], None]]:
    """Show how far a task is and how long it will take: a bar on a terminal, a line every few seconds elsewhere.

    Yields a function to call with the share that is done, in [0, 1].
    """
    started = shown = time.monotonic()

    def line(done: float) -> None:
        nonlocal shown
        now = time.monotonic()
        if done > 0 and now - shown >= _PLAIN_SECONDS:
            left = short_duration((now - started) * (1 / done - 1))
            console.print(f"{done:4.0%}  {doing}  {left} left", soft_wrap=True, markup=False, highlight=False)
            shown = now

    if not console.is_terminal:
        yield line
        return
    columns = TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn(), TextColumn("left")
    with Progress(*columns, TimeRemainingColumn(), console=console, transient=True) as bar:
        task = bar.add_task(doing, total=1.0)
        yield lambda done: bar.update(task, completed=done)


def counted(check: Callable[[float], None], total: float, before: int = 0) -> Callable[[], None]:
    """Return a function to call once a step, that tells `check` which share of so many steps is done, at most 1.

    Args:
      check: as `task_progress` yields it.
      total: steps of the whole task.
      before: steps done before the first call.
    """
    steps = count(before + 1)
    return lambda: check(min(next(steps) / total, 1.0))
