"""Show a training while it runs: a live bar on a terminal, plain lines elsewhere."""

import time

import numpy as np
from rich.console import Console, Group
from rich.live import Live
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.text import Text

from dsjax.statistics import iqm
from dsjax.training import Trainer
from dsjax.watch import Watch

_LIVE_SECONDS = 0.5  # between refreshes on a terminal
_PLAIN_SECONDS = 15.0  # between lines elsewhere


class Display(Watch):
    """Progress on a rich console; a context manager. With a label it is lines that begin with it, and never a bar."""

    def __init__(self, console: Console, label: str = ""):
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

    def __enter__(self):
        if self._screen:
            self._screen.start()
        return self

    def __exit__(self, *_):
        if self._screen:
            self._screen.stop()

    def tick(self, trainer, tick):
        """Show progress if enough time has passed."""
        now = time.monotonic()
        if self._tick is None:
            self._tick, self._shown = tick, now
        if now - self._shown >= (_LIVE_SECONDS if self._live else _PLAIN_SECONDS):
            rate = (tick - self._tick) * trainer.active().sum() / (now - self._shown)
            self._show(trainer, trainer.fraction(tick), rate, f"in round {trainer.tally.rounds + 1}")
            self._shown, self._tick = now, tick

    def evaluating(self, trainer):
        """Say so if enough time has passed: a hundred terrains take a minute."""
        now = time.monotonic()
        if now - self._shown >= (_LIVE_SECONDS if self._live else _PLAIN_SECONDS):
            self._show(trainer, trainer.fraction(), None, "evaluating")
            self._shown, self._tick = now, None

    def round_done(self, trainer):
        """Show the figures at a round's end, with the last evaluation."""
        # Members of a branch begin trained.
        first = "at the start" if trainer.config.parent.run else "untrained"
        self._show(
            trainer, trainer.fraction(), None, f"done round {trainer.tally.rounds}" if trainer.tally.rounds else first
        )
        self._shown, self._tick = time.monotonic(), None  # evaluation and saving are not training time

    def notice(self, text):
        """Print something the user should know, above the bar."""
        self._console.print(Text(self._label + text, style="yellow"), soft_wrap=bool(self._label))

    def _show(self, trainer: Trainer, fraction, rate, doing):
        figures = _figures_line(trainer)
        if self._screen:
            fields = {} if rate is None else {"rate": rate}
            self._progress.update(self._task, completed=fraction, description=doing, **fields)
            self._figures = Text(figures)
            self._screen.update(self._render(), refresh=True)
        else:
            speed = "" if rate is None else f"  {rate:,.0f} steps/s"
            line = f"{self._label}{fraction:4.0%}  {doing}{speed}  {figures}"
            self._console.print(line, soft_wrap=True, markup=False, emoji=False, highlight=False)

    def _render(self):
        return Group(self._progress, self._figures)


def _figures_line(trainer):
    """Return one line on the population: returns of the last 100 training episodes, and of the frozen centers."""
    tally = trainer.tally
    parts = []
    if tally.completed.any():
        figures = _summary(tally)
        parts.append(
            f"training: median {figures['median']:.1f}, IQM {figures['iqm']:.1f}, best {figures['best']:.1f}, "
            f"length {figures['length']:.0f}"
        )
    frozen = tally.frozen_return[np.isfinite(tally.frozen_return)]
    if len(frozen):
        parts.append(f"frozen: median {np.median(frozen):.1f}, best {frozen.max():.1f}")
    parts.append(f"solved {int(tally.solved().sum())}/{len(tally.steps)} | amplitude {trainer.amplitude().mean():.4f}")
    return " | ".join(parts)


def _summary(tally):
    """Return the population's figures on its last training episodes."""
    trained = tally.training_return()
    trained = trained[np.isfinite(trained)]
    lengths = tally.training_length()
    lengths = lengths[np.isfinite(lengths)]
    return {
        "median": float(np.median(trained)) if len(trained) else float("nan"),
        "iqm": iqm(trained),
        "best": float(tally.best_return.max()),
        "length": float(lengths.mean()) if len(lengths) else float("nan"),
    }
