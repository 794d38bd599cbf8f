"""Show a training while it runs: a live bar on a terminal, plain lines elsewhere; and the table it ends with."""

import statistics
import time
from pathlib import Path

import numpy as np
from rich import box
from rich.console import Console, Group
from rich.live import Live
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.table import Table
from rich.text import Text

from dsjax.benchmark import BenchmarkCommand, Measurement, growth
from dsjax.environment import cores
from dsjax.records import RunError, read_table
from dsjax.scoring import Score
from dsjax.statistics import frozen_curve, iqm, score
from dsjax.tally import SOLVED_EPISODES, SOLVED_RETURN
from dsjax.training import Trainer, Watch

_LIVE_SECONDS = 0.5  # between refreshes on a terminal
_PLAIN_SECONDS = 15.0  # between lines elsewhere


class Display(Watch):
    """Progress on a rich console; a context manager."""

    def __init__(self, console: Console):
        self._console = console
        self._live = console.is_terminal
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
            self._show(trainer, trainer.fraction(tick), rate, "round")
            self._shown, self._tick = now, tick

    def round_done(self, trainer):
        """Show the figures at a round's end, with the last evaluation."""
        number = int(trainer.tally.rounds)
        self._show(trainer, trainer.fraction(), None, "done" if number else "untrained")
        self._tick = None  # evaluation and saving are not training time

    def notice(self, text):
        """Print something the user should know, above the bar."""
        self._console.print(f"[yellow]{text}")

    def _show(self, trainer: Trainer, fraction, rate, kind):
        figures = _figures_line(trainer)
        number = int(trainer.tally.rounds) + (kind == "round")
        if self._screen:
            fields = {} if rate is None else {"rate": rate}
            self._progress.update(self._task, completed=fraction, description=f"round {number}", **fields)
            self._figures = Text(figures)
            self._screen.update(self._render(), refresh=True)
        else:
            speed = "" if rate is None else f"  {rate:,.0f} steps/s"
            label = {"round": "in round", "done": "done round", "untrained": "untrained"}[kind]
            where = label if kind == "untrained" else f"{label} {number}"
            self._console.print(f"{fraction:4.0%}  {where}{speed}  {figures}", soft_wrap=True, highlight=False)

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


def plain_table(title):
    """Return a table narrow enough for 80 columns; a folder stands on the title's first line, for it may be long."""
    return Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), title=title)


def summary_table(trainer: Trainer) -> Table:
    """Return the table that a training ends with: one row per member, all returns per episode.

    "learning" is the mean over the last 100 training episodes, of the oscillating, learning controller; "frozen" the
    mean of its frozen centers over the held-out terrains of the last evaluation. A rule for "solved" is met at a mean
    of 300 over 100 such episodes; shown is the step (episode) at which it was first met.
    """
    tally = trainer.tally
    table = plain_table(f"{trainer.folder}\n{trainer.config.preset}, seed {trainer.config.seed}")
    solved_at = ("solved\nlearning", "solved\nfrozen")
    for name in ("member", "steps", "episodes", "learning", "best", "frozen", *solved_at):
        table.add_column(name, justify="right")
    table.add_column("state")
    running, trained = np.asarray(trainer.state.running), tally.training_return()
    for m in range(len(tally.steps)):
        returns = (trained[m], tally.best_return[m], tally.frozen_return[m])
        solved = (
            (tally.training_solved_step[m], tally.training_solved_episode[m]),
            (tally.frozen_solved_step[m], tally.frozen_solved_episode[m]),
        )
        table.add_row(
            *(str(m), f"{tally.steps[m]:,}", f"{tally.completed[m]:,}"),
            *(f"{value:.1f}" if np.isfinite(value) else "-" for value in returns),
            *("-" if step < 0 else f"{step:,} ({episode:,})" for step, episode in solved),
            "ok" if running[m] else f"stopped in round {tally.stopped_round[m]}: not finite",
        )
    return table


def score_table(result: Score) -> Table:
    """Return the table of a scored run: one row per member, then the population's median and IQM over members."""
    command, rows = result.command, result.table
    what = "frozen centers" if command.weights == "centers" else "oscillating weights, not learning"
    table = plain_table(f"{command.run}\nround {result.snapshot}: {what} on {command.terrains}")
    columns = ("member", "steps", "episodes", "mean", "std", "median", "worst", "falls", "length", "solved")
    for name in columns:
        table.add_column(name, justify="right")
    member, step = rows["member"].to_numpy(), rows["step"].to_numpy()
    returns, lengths, outcomes = (rows[name].to_numpy() for name in ("return", "length", "outcome"))
    scores = {m: score(returns[member == m], lengths[member == m], outcomes[member == m]) for m in np.unique(member)}
    for m, s in scores.items():
        figures = (f"{s[name]:.1f}" for name in ("mean", "std", "median", "worst"))
        solved = "yes" if s["mean"] >= SOLVED_RETURN else "no"
        enough = s["episodes"] >= SOLVED_EPISODES
        table.add_row(
            str(m), f"{step[member == m][0]:,}", str(s["episodes"]), *figures,
            f"{s['fall_rate']:.0%}", f"{s['length']:.0f}", solved if enough else "-",
        )  # fmt: skip
    means = [s["mean"] for s in scores.values()]
    table.caption = f"over members: median {np.median(means):.1f}, IQM {iqm(means):.1f}, worst {min(means):.1f}"
    return table


def curve_table(folder: Path) -> Table:
    """Return the table of a run's evaluations: one row each, statistics over members.

    Raises:
      RunError: there is no run, or it has no evaluation yet.
    """
    evaluations = read_table(folder, "evaluations")
    if not len(evaluations):
        raise RunError(f"{folder}: no evaluation yet")
    table = plain_table(f"{folder}\nfrozen centers on {evaluations['terrains'][0]}, over members")
    for name in ("round", "members", "steps", "median", "IQM", "worst", "best", "falls"):
        table.add_column(name, justify="right")
    for row in frozen_curve(evaluations):
        returns = (f"{row[name]:.1f}" for name in ("median", "iqm", "worst", "best"))
        table.add_row(
            str(row["round"]), str(row["members"]), f"{row['steps']:,.0f}", *returns, f"{row['fall_rate']:.0%}"
        )
    return table


def speed_tables(command: BenchmarkCommand, measured: list[Measurement]) -> tuple[Table, Table]:
    """Return the tables of speeds, with medians of ratios repeat by repeat, and of where a step's time goes."""
    speeds = plain_table(f"environment steps/s, {command.preset}, {cores()} cores, medians of {command.repeats}")
    for name in ("backend", "members", "random", "replay", "training", "training\n/random", "training\n/replay", "MB"):
        speeds.add_column(name, justify="right")
    parts = ("walkers", "controllers", "counting")
    shares = plain_table("one step of the population in us, and its parts")
    for name in ("backend", "members", "step", *parts):
        shares.add_column(name, justify="right")
    for m in measured:
        medians = (statistics.median(values) for values in (m.random, m.replay, m.training))
        ratios = (m.ratio("random"), m.ratio("replay"))
        about = m.backend, str(m.members)
        speeds.add_row(*about, *(f"{s:,.0f}" for s in medians), *(f"{r:.2f}" for r in ratios), f"{m.memory:,.0f}")
        whole = sum(m.shares.values())
        shares.add_row(
            *about, f"{whole:,.0f}", *(f"{m.shares[part]:,.0f} ({m.shares[part] / whole:3.0%})" for part in parts)
        )
    return speeds, shares


def alone_table(command: BenchmarkCommand, alone: dict[int, float]) -> Table:
    """Return the table of the controllers' step without walkers, from microseconds per member by size."""
    table = plain_table(f"controllers alone, {command.preset}")
    table.add_column("members", justify="right")
    table.add_column("us per member step", justify="right")
    for members, microseconds in alone.items():
        table.add_row(f"{members:,}", f"{microseconds:.2f}")
    return table


def soak_table(rows: list[tuple[int, int, float]]) -> Table:
    """Return the table of a soak: memory after some twelve of its rounds."""
    table = plain_table("memory of a training that goes on")
    for name in ("round", "steps of all members", "MB"):
        table.add_column(name, justify="right")
    for number in np.unique(np.linspace(0, len(rows) - 1, 12).astype(int)):
        done, steps, memory = rows[number]
        table.add_row(str(done), f"{steps:,}", f"{memory:,.1f}")
    table.caption = f"growth over the second half: {growth(rows):+.2f} MB per 10 million steps"
    return table
