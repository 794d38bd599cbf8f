"""Draw the pictures of README and docs that need no training: `python docs/figures.py`."""

import csv
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from dsjax.analysis.stats import iqm
from dsjax.envs.task import SOLVED_RETURN
from dsjax.plotting import diagrams
from dsjax.plotting.style import WIDTH, group_color, save, styled

_DOCS = Path(__file__).parent
_GROUPS = {  # of results.csv, in the order of the figure
    "readme, as published": "readme, as published, 1 M steps",
    "iros2018, as published": "iros2018, as published, 2.5 M",
    "iros2018, as published, longer": "iros2018, as published, 60 M",
    "slow, bounded, faster": "slow, bounded, faster, 3 M",
    "amplitude follows progress": "amplitude follows progress, 3 M",
    "solve at the published rate, twice as long": "slower stride, one member a seed, 6 M",
    "solve, then slower still": "best of four, 14.6 M at most",
    "solve": "solve, one member a seed, 8 M",
}


@styled
def results() -> Figure:
    """Draw the frozen return of every member on test-v1, a line of dots per group."""
    with open(_DOCS / "results.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    figure = Figure(figsize=(WIDTH, 3.0))
    axis = figure.subplots()
    spread = np.random.default_rng(0)
    for place, group in enumerate(reversed(_GROUPS)):
        returns = np.array([float(row["frozen_mean"]) for row in rows if row["group"] == group])
        heights = place + spread.uniform(-0.2, 0.2, len(returns))
        axis.plot(returns, heights, "o", color=group_color(0), alpha=0.6, markersize=4, markeredgewidth=0)
        axis.plot([iqm(returns)] * 2, [place - 0.35, place + 0.35], color="black", linewidth=2)
    axis.axvline(SOLVED_RETURN, color="black", linestyle="--", linewidth=0.8)
    axis.set_yticks(range(len(_GROUPS)), list(reversed(_GROUPS.values())))
    axis.set_xlabel("mean return of a member's frozen centers, 100 terrains of test-v1\n(bar: IQM; dashed: solved)")
    return figure


if __name__ == "__main__":
    for name, figure in (
        ("controller", diagrams.controller_diagram()),
        ("learning", diagrams.learning_figure()),
        ("results", results()),
    ):
        save(figure, _DOCS / "images", name, ["png"])
