"""When members are solved: survival curves, those not solved censored."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import EngFormatter

from dsjax.analysis.comparison import Comparison, Group
from dsjax.analysis.members import RULES
from dsjax.analysis.stats import survival
from dsjax.envs.task import SOLVED_EPISODES, SOLVED_RETURN
from dsjax.plotting.curves import TIME_LABELS
from dsjax.plotting.legends import DETAILED, group_handles, interval_handle, legend, shared_color, wrapped
from dsjax.plotting.style import COLUMN, WIDTH, group_color, group_line, letters, steps_axis, styled


@styled
def solved_over_time(comparison: Comparison, *, width: float = WIDTH) -> Figure:
    """Draw the share of members solved by each rule over steps: Kaplan-Meier, those not solved censored."""
    beside = width > COLUMN
    figure = Figure(figsize=(width, 3.2 if beside else 4.4))
    shape = (1, 2) if beside else (2, 1)
    axes = figure.subplots(*shape, sharex=True, sharey=True, squeeze=False).ravel()
    meanings = {
        "training": f"learning, {SOLVED_EPISODES} training episodes",
        "frozen": f"frozen centers, {SOLVED_EPISODES} terrains",
    }
    for rule, axis in zip(RULES, axes, strict=True):
        for number, group in enumerate(comparison.groups):
            _survival_line(axis, group, rule, number, len(comparison.groups) <= DETAILED)
        axis.set_title(meanings[rule])
        axis.set(ylim=(-3, 103), ylabel="" if beside and rule != RULES[0] else "members solved [%]")
        axis.set_xlim(left=0)
        steps_axis(axis.xaxis, width / shape[1])
        if beside or rule == RULES[-1]:
            axis.set_xlabel(TIME_LABELS["step"])
    title = f"Members that have reached a mean return of {SOLVED_RETURN:.0f} (Kaplan-Meier)"
    figure.suptitle(wrapped(title, width))
    legend(figure, _solved_handles(comparison.groups, width), width)
    return figure


def _solved_handles(groups: Sequence[Group], width: float) -> list[Any]:
    """Return the legend's entries: groups with the times by which half of their members are solved, and marks."""
    color, medians = shared_color(groups), list(map(_medians, groups))
    longest = max(map(len, medians))
    handles: list[Any] = group_handles(groups, letters(width, width) - 8 - longest)
    for handle, median in zip(handles, medians, strict=False):
        handle.set_label(handle.get_label() + median)
    if len(groups) <= DETAILED:
        handles += interval_handle(groups)
    if any(member.solved_at(rule, "step") < 0 for rule in RULES for group in groups for member in group.members):
        handles.append(
            Line2D([], [], color=color, marker="|", markersize=7, linestyle="", label="not solved when last seen")
        )
    if longest:
        label = "half are solved" + (medians[0].replace("half: ", "") if len(groups) == 1 else "")
        handles.append(Line2D([], [], color=color, marker="o", markersize=5, linestyle="", label=label))
    return handles


def _medians(group: Group) -> str:
    """Return by which steps half of a group's members are solved by each rule, if they are."""
    form = EngFormatter(places=1, sep="")
    found = {}
    for rule, name in {"training": "learning", "frozen": "frozen"}.items():
        solved_at = [member.solved_at(rule, "step") for member in group.members]
        if np.isfinite(median := survival(solved_at, group.watched("step")).median):
            found[name] = form(median)
    return f" (half: {', '.join(f'{name} {time}' for name, time in found.items())})" if found else ""


def _survival_line(axis: Axes, group: Group, rule: str, number: int, band: bool) -> None:
    solved_at = np.array([member.solved_at(rule, "step") for member in group.members])
    watched = group.watched("step")
    curve, color = survival(solved_at, watched), group_color(number)
    time = np.array([0, *curve.time, max(watched.max(), curve.time[-1])])
    solved, low, high = (
        100 * np.array([first, *values, values[-1]])
        for first, values in ((0.0, curve.solved), (np.nan, curve.low), (np.nan, curve.high))
    )
    axis.step(time, solved, where="post", color=color, linestyle=group_line(number))
    if band:
        axis.fill_between(time, low, high, step="post", color=color, alpha=0.15, linewidth=0)
    censored = watched[solved_at < 0]
    axis.plot(censored, solved[np.searchsorted(time, censored, side="right") - 1], "|", color=color, markersize=7)
    if np.isfinite(curve.median):
        axis.plot(curve.median, 50, "o", color=color, markersize=5)
