"""The figures of a round that loggers show, line by line: TensorBoard's and Weights & Biases' are the same.

population     statistics over members, over steps of the vector env
member000 ...  each member's own figures, over its own environment steps; of a large population there are none
"""

from typing import NamedTuple

import numpy as np

from dsjax.analysis.stats import iqm
from dsjax.training.callbacks import RunStatus

POPULATION = "population"
_MOST_MEMBERS = 256  # that have a line each: thousands would be thousands of files, and none could be found


class Line(NamedTuple):
    """The figures of the population, or of one member, at a round's end."""

    step: int  # of the line's own time
    scalars: dict[str, float]  # by tag; all finite


def steps(run: RunStatus) -> dict[str, int]:
    """Return the step of each line, by the line's name."""
    members = {_name(member): int(run.stats.steps[member]) for member in _own_lines(run)}
    return members | {POPULATION: int(run.stats.ticks)}


def lines(run: RunStatus) -> dict[str, Line]:
    """Return the lines of the last round, by name. A figure that does not exist yet is left out."""
    stats, evaluated, columns = run.stats, run.evaluated, run.members
    # What a stopped member had last is of an earlier evaluation.
    frozen = np.where(columns["running"], stats.frozen_return, np.nan)
    trained, lengths = stats.training_return(), stats.training_length()
    figures = {"training/return": trained, "training/length": lengths}
    if evaluated:
        figures["frozen/return"] = frozen
    figures |= {f"members/{name}": columns[name] for name in ("amplitude", "sensitivity", "drift")}
    found = {
        _name(member): Line(int(stats.steps[member]), _finite({tag: series[member] for tag, series in figures.items()}))
        for member in _own_lines(run)
    }
    whole = {
        **_over_members("population/training", trained),
        **(_over_members("population/frozen", frozen) if evaluated else {}),
        "population/training_length": _mean(lengths),
        "population/best_episode": stats.best_return.max(),
        "population/amplitude": _mean(columns["amplitude"]),
        "population/solved_training": np.count_nonzero(stats.training_solved_step >= 0),
        "population/solved_frozen": np.count_nonzero(stats.frozen_solved_step >= 0),
    }
    return found | {POPULATION: Line(int(stats.ticks), _finite(whole))}


def _own_lines(run: RunStatus) -> range:
    """Return the members that have a line each: all or none."""
    members = len(run.stats.steps)
    return range(members if members <= _MOST_MEMBERS else 0)


def _name(member: int) -> str:
    return f"member{member:03d}"


def _finite(figures: dict[str, float]) -> dict[str, float]:
    return {tag: float(value) for tag, value in figures.items() if np.isfinite(value)}


def _over_members(tag: str, values: np.ndarray) -> dict[str, float]:
    """Return a population's statistics of one value per member; none if no member has one yet."""
    values = values[np.isfinite(values)]
    if not len(values):
        return {}
    return {f"{tag}_median": np.median(values), f"{tag}_iqm": iqm(values), f"{tag}_best": values.max()}


def _mean(values: np.ndarray) -> float:
    values = values[np.isfinite(values)]
    return values.mean() if len(values) else np.nan
