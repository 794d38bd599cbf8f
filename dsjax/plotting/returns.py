"""The frozen centers' final returns: every episode of every member, or of many groups every member."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from dsjax.analysis.comparison import Comparison
from dsjax.analysis.formats import count, shorten_all
from dsjax.analysis.members import Member
from dsjax.plotting.legends import DETAILED, legend, shared_color, solved_line, wrapped
from dsjax.plotting.style import WIDTH, few_ticks, group_color, letters, styled


@styled
def final_returns(comparison: Comparison, *, width: float = WIDTH) -> Figure:
    """Draw the frozen centers' final episodes, a box and dots per member; of many groups a dot per member."""
    groups = comparison.groups
    if len(groups) > DETAILED:
        return _returns_of_many(comparison, width)
    figure = Figure(figsize=(width, 0.5 + 2.6 * len(groups)))
    axes = figure.subplots(2 * len(groups), 1, height_ratios=[3, 1] * len(groups), squeeze=False).ravel()
    rng = np.random.default_rng(0)  # spreads the dots
    names = shorten_all([group.label for group in groups], letters(0.65 * width, width))
    for number, group in enumerate(groups):
        above, below = axes[2 * number : 2 * number + 2]
        above.sharey(axes[0])
        ranked = sorted(group.members, key=lambda member: (np.isnan(member.score), -member.score))
        for place, member in enumerate(ranked):
            if len(member.final["return"]):
                _episodes_box(above, place, member, rng, group_color(number))
                below.bar(place, 100 * member.fall_rate, color=group_color(number))
        _ranked_axes(above, below, ranked, width)
        above.set_title(f"{names[number]}, {count(len(ranked), 'member')}")
    figure.suptitle(wrapped(f"Final episodes of the frozen centers on {comparison.terrains}", width))
    legend(figure, [*_episode_handles(shared_color(groups)), *solved_line(*axes[::2])], width)
    return figure


def _episode_handles(color: str) -> list[Any]:
    return [
        Line2D([], [], color=color, marker=".", markersize=4, linestyle="", label="one episode"),
        Patch(facecolor="none", edgecolor=color, label="a member's median, quartiles and range"),
    ]


def _returns_of_many(comparison: Comparison, width: float) -> Figure:
    """Draw a line of dots per group: each member's mean return."""
    groups = comparison.groups
    figure = Figure(figsize=(width, 0.8 + 0.2 * len(groups)))
    axis = figure.subplots()
    for place, group in enumerate(groups):
        scores = group.scores()
        axis.plot(scores, np.full(len(scores), place), "o", color=group_color(place), markersize=3, alpha=0.6)
    few_ticks(axis.xaxis, 0.55 * width)
    names = shorten_all([group.label for group in groups], letters(0.45 * width, width))
    axis.set_yticks(range(len(groups)), names)
    axis.set(ylim=(len(groups) - 0.5, -0.5), xlabel="mean frozen return")
    figure.suptitle(wrapped(f"Final frozen returns on {comparison.terrains}", width))
    dot = Line2D([], [], color="gray", marker="o", markersize=3, linestyle="", label="one member")
    legend(figure, [dot, *solved_line(axis, upright=True)], width)
    return figure


def _episodes_box(axis: Axes, place: int, member: Member, rng: np.random.Generator, color: str) -> None:
    returns = member.final["return"]
    spread = place + rng.uniform(-0.3, 0.3, len(returns))
    axis.scatter(spread, returns, s=5, color=color, alpha=0.5, linewidth=0, rasterized=True)
    line = {"color": color}
    axis.boxplot(
        returns, positions=[place], widths=0.7, whis=(0, 100), showfliers=False,
        medianprops=line | {"linewidth": 2}, boxprops=line, whiskerprops=line, capprops=line,
    )  # fmt: skip


def _ranked_axes(above: Axes, below: Axes, ranked: Sequence[Member], width: float) -> None:
    """Name the members below both axes, as many of them as there is room for."""
    several = len({member.run.config.seed for member in ranked}) > 1
    names = [f"{m.run.config.seed}.{m.identity}" if several else str(m.identity) for m in ranked]
    room = letters(0.85 * width, width) // 2  # names side by side, upright
    upright = sum(map(len, names)) + 2 * len(names) > letters(0.85 * width, width)
    names = [name if place % -(-len(names) // room) == 0 else "" for place, name in enumerate(names)]
    for axis in (above, below):
        axis.set_xlim(-0.7, len(ranked) - 0.3)
        axis.set_xticks(range(len(ranked)), names, rotation=90 if upright else 0)
        axis.grid(axis="x", visible=False)
    above.tick_params(labelbottom=False)
    above.set_ylabel("return")
    below.set(ylabel="falls [%]", ylim=(0, 100))
    below.set_xlabel("seed.member, best mean first" if several else "member, best mean first")
