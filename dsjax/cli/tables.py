"""Tables for the terminal, narrow enough for 80 columns."""

import statistics
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from rich.table import Table

from dsjax.analysis.formats import number
from dsjax.analysis.stats import describe_episodes, iqm
from dsjax.analysis.summary import evaluation_rows
from dsjax.cli.terminal import PlainTable
from dsjax.envs.task import SOLVED_EPISODES, SOLVED_RETURN
from dsjax.errors import RunError
from dsjax.evaluation.score import Score
from dsjax.machine import cores
from dsjax.storage.run import Run, read_run
from dsjax.training.callbacks import RunStatus
from dsjax.training.speed import Measurement, growth

if TYPE_CHECKING:
    from dsjax.training.device_speed import DeviceMeasurement

_MOST_ROWS = 64  # members in a table; of more, the best


def summary_table(run: RunStatus) -> Table:
    """Return the table that a training ends with: one row per member, all returns per episode.

    "learning" is the mean over the last 100 training episodes, of the oscillating, learning controller; "frozen" the
    mean of its frozen centers over the held-out terrains of the last evaluation. A rule for "solved" is met at a mean
    of 300 over 100 such episodes; shown is the step (episode) at which it was first met. Of many members it has the
    best, by frozen or else learning returns.
    """
    stats = run.stats
    table = PlainTable(f"{run.folder}\n{run.config.preset}, seed {run.config.seed}")
    solved_at = ("solved\nlearning", "solved\nfrozen")
    for name in ("member", "steps", "episodes", "learning", "best", "frozen", *solved_at):
        table.add_column(name, justify="right")
    table.add_column("state")
    running, trained = run.members["running"], stats.training_return()
    ranked = np.where(np.isfinite(stats.frozen_return).any(), stats.frozen_return, trained)
    shown = _shown(ranked)
    if len(shown) < len(ranked):
        table.add_caption(f"the best {len(shown)} of {len(ranked):,} members; all are in members/ of the run")
    for m in shown:
        returns = (trained[m], stats.best_return[m], stats.frozen_return[m])
        solved = (
            (stats.training_solved_step[m], stats.training_solved_episode[m]),
            (stats.frozen_solved_step[m], stats.frozen_solved_episode[m]),
        )
        table.add_row(
            *(str(m), f"{stats.steps[m]:,}", f"{stats.completed[m]:,}"),
            *map(number, returns),
            *("-" if step < 0 else f"{step:,} ({episode:,})" for step, episode in solved),
            "ok" if running[m] else f"stopped in round {stats.stopped_round[m]}: not finite",
        )
    return table


def _shown(returns: np.ndarray) -> np.ndarray:
    """Return the places of the members to show, in order: all, or of many those with the highest returns."""
    return np.sort(np.argsort(-returns, kind="stable")[:_MOST_ROWS])


def score_table(result: Score) -> Table:
    """Return the table of a scored run: one row per member, then the population's median and IQM over members."""
    rows = result.table
    what = "frozen centers" if result.weights == "centers" else "oscillating weights, not learning"
    table = PlainTable(f"{result.run}\nround {result.snapshot}: {what} on {result.terrains}")
    columns = ("member", "steps", "episodes", "mean", "std", "median", "worst", "falls", "length", "solved")
    for name in columns:
        table.add_column(name, justify="right")
    member, step = rows["member"].to_numpy(), rows["step"].to_numpy()
    returns, lengths, outcomes = (rows[name].to_numpy() for name in ("return", "length", "outcome"))
    scores = {
        m: describe_episodes(returns[member == m], lengths[member == m], outcomes[member == m])
        for m in np.unique(member)
    }
    members = np.array(list(scores))
    means = [s["mean"] for s in scores.values()]
    shown = members[_shown(np.array(means))]
    for m in shown:
        s = scores[m]
        figures = (number(s[name]) for name in ("mean", "std", "median", "worst"))
        solved = "yes" if s["mean"] >= SOLVED_RETURN else "no"
        enough = s["episodes"] >= SOLVED_EPISODES
        table.add_row(
            str(m), f"{step[member == m][0]:,}", str(s["episodes"]), *figures,
            f"{s['fall_rate']:.0%}", f"{s['length']:.0f}", solved if enough else "-",
        )  # fmt: skip
    over = "over members" if len(shown) == len(members) else f"the best of {len(members):,} members; over all of them"
    table.add_caption(f"{over}: median {np.median(means):.1f}, IQM {iqm(means):.1f}, worst {min(means):.1f}")
    return table


def curve_table(folder: Path) -> Table:
    """Return the table of a run's evaluations: one row each, statistics over members.

    Raises:
      RunError: there is no run, or it has no evaluation yet.
    """
    run = _evaluated_run(folder)
    evaluations = run.evaluations
    table = PlainTable(f"{folder}\nfrozen centers on {evaluations['terrains'][0]}, over members")
    if run.notes:
        table.add_caption("\n".join(run.notes))
    for name in ("round", "members", "steps", "median", "IQM", "worst", "best", "falls"):
        table.add_column(name, justify="right")
    for row in evaluation_rows(evaluations):
        returns = (f"{row[name]:.1f}" for name in ("median", "iqm", "worst", "best"))
        table.add_row(
            str(row["round"]), str(row["members"]), f"{row['steps']:,.0f}", *returns, f"{row['fall_rate']:.0%}"
        )
    return table


def change_table(folder: Path) -> Table:
    """Return the table of what training has changed in a run: its first and its last evaluation.

    Raises:
      RunError: there is no run, or it has no evaluation yet.
    """
    evaluations = _evaluated_run(folder).evaluations
    rows = evaluation_rows(evaluations)
    first, last = rows[0], rows[-1]
    table = PlainTable(f"what has changed: frozen centers on {evaluations['terrains'][0]}")
    table.add_column("")
    for row in (first, last):
        table.add_column(f"{row['steps']:,.0f} steps" if row["round"] else "untrained", justify="right")
    for text, name, form in (
        ("return, best member", "best", ".0f"),
        ("return, median member", "median", ".0f"),
        ("return, worst member", "worst", ".0f"),
        ("episodes that end in a fall", "fall_rate", ".0%"),
        ("mean length of an episode [steps]", "length", ",.0f"),
    ):
        table.add_row(text, *(number(row[name], form) for row in (first, last)))
    return table


def _evaluated_run(folder: Path) -> Run:
    """Return a run that has an evaluation, or raise RunError."""
    run = read_run(folder)
    if not len(run.evaluations):
        raise RunError(f"{folder}: no evaluation yet")
    return run


def speed_tables(preset: str, repeats: int, measured: list[Measurement]) -> tuple[Table, Table]:
    """Return the tables of speeds, with medians of ratios repeat by repeat, and of where a step's time goes."""
    speeds = PlainTable(f"environment steps/s, {preset}, {cores()} cores, medians of {repeats}")
    for name in ("backend", "members", "random", "replay", "training", "training\n/random", "training\n/replay", "MB"):
        speeds.add_column(name, justify="right")
    parts = ("walkers", "controllers", "counting")
    shares = PlainTable("one step of the population in us, and its parts")
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


def device_table(preset: str, repeats: int, measured: list["DeviceMeasurement"]) -> Table:
    """Return the table of the JAX walkers' speeds, with the median of the ratios, and of their compile time."""
    table = PlainTable(f"environment steps/s of the jax backend, {preset}, medians of {repeats}")
    for name in ("members", "devices", "random", "training", "training\n/random", "compiling\n[s]", "MB"):
        table.add_column(name, justify="right")
    for m in measured:
        medians = (f"{statistics.median(values):,.0f}" for values in (m.random, m.training))
        table.add_row(
            f"{m.members:,}", m.devices, *medians, f"{m.ratio():.2f}", f"{m.compiling:.0f}", f"{m.memory:,.0f}"
        )
    return table


def alone_table(preset: str, alone: dict[int, float]) -> Table:
    """Return the table of the controllers' step without walkers, from microseconds per member by size."""
    table = PlainTable(f"controllers alone, {preset}")
    table.add_column("members", justify="right")
    table.add_column("us per member step", justify="right")
    for members, microseconds in alone.items():
        table.add_row(f"{members:,}", f"{microseconds:.2f}")
    return table


def soak_table(rows: list[tuple[int, int, float]]) -> Table:
    """Return the table of a soak: memory after some twelve of its rounds."""
    table = PlainTable("memory of a long training")
    for name in ("round", "steps of all members", "MB"):
        table.add_column(name, justify="right")
    for place in np.unique(np.linspace(0, len(rows) - 1, 12).astype(int)):
        done, steps, memory = rows[place]
        table.add_row(str(done), f"{steps:,}", f"{memory:,.1f}")
    table.add_caption(f"growth over the second half: {growth(rows):+.2f} MB per 10 million steps")
    return table
