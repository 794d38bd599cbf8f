"""Curves of groups of members over steps or episodes: one panel per group, and all groups' means in front."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from dsjax.analysis.comparison import Comparison, Group, held_out
from dsjax.analysis.curves import Curve, frozen_curve, training_curve
from dsjax.analysis.formats import count, shorten, shorten_all
from dsjax.envs.task import SOLVED_EPISODES
from dsjax.plotting.legends import (
    DETAILED,
    group_handles,
    interval_handle,
    legend,
    shared_color,
    solved_line,
    wrapped,
)
from dsjax.plotting.style import COLUMN, WIDTH, group_color, group_line, letters, steps_axis, styled

TIME_LABELS = {"step": "environment steps", "episode": "episodes"}
_UNLIKE = 3.0  # panels share their x axis unless the longest group has trained so many times as long as the shortest
_ENDED: Any = (0, (1, 2))  # line style where members have ended


@styled
def training_curves(comparison: Comparison, unit: str = "step", *, width: float = WIDTH) -> Figure:
    """Draw the members' mean return of their last 100 training episodes, over one of `members.UNITS`."""
    curves = [training_curve(group, unit) for group in comparison.groups]
    title = f"Training, weights oscillate and learn: mean of each member's last {SOLVED_EPISODES} episodes"
    return _curves(comparison.groups, curves, title, TIME_LABELS[unit], "learning return", width)


@styled
def frozen_curves(comparison: Comparison, *, width: float = WIDTH) -> Figure:
    """Draw the mean return of the members' frozen centers on held-out terrains, evaluation by evaluation."""
    curves = [frozen_curve(group) for group in comparison.groups]
    terrains = held_out(member.run for member in comparison.members)
    title = f"Frozen centers on the held-out terrains of {terrains} (dots: evaluations)"
    return _curves(comparison.groups, curves, title, TIME_LABELS["step"], "frozen return", width, marker=".")


def _curves(
    groups: Sequence[Group], curves: Sequence[Curve], title: str, xlabel: str, ylabel: str, width: float,
    marker: str = "",
) -> Figure:  # fmt: skip
    """Draw each group with its members, and if there are several, all groups' IQM before them."""
    panels = len(groups) + (len(groups) > 1)
    columns = min(panels, 2 if width <= COLUMN else 3)
    rows = -(-panels // columns)
    height = width * 0.5 if rows == 1 else rows * width / columns * 0.8
    figure = Figure(figsize=(width, 0.5 + height))
    axes = figure.subplots(rows, columns, sharex=_alike(curves), sharey=True, squeeze=False).ravel()
    for unused in axes[panels:]:
        unused.remove()
    if len(groups) > 1:
        axes[0].set_title("all groups")
        for number, curve in enumerate(curves):
            _mean_line(axes[0], curve, number, False, marker)
    # Beside ylabel and ticks a panel has this much for its title.
    fits = letters((0.68 if width <= COLUMN else 0.8) * width / columns, width)
    names = shorten_all([group.label for group in groups], fits)
    for number, (group, curve, axis) in enumerate(zip(groups, curves, axes[panels - len(groups) :], strict=False)):
        _member_lines(axis, curve, number, marker)
        _mean_line(axis, curve, number, True, marker)
        if len(groups) > 1:
            axis.set_title(f"{names[number]}\n{count(len(group.members), 'member')}")
    for place, axis in enumerate(axes[:panels]):
        steps_axis(axis.xaxis, width / columns)
        axis.xaxis.set_tick_params(labelbottom=True)
        if place >= panels - columns:  # nothing below it
            axis.set_xlabel(xlabel)
        if place % columns == 0:
            axis.set_ylabel(ylabel)
    figure.suptitle(wrapped(title, width) + ("" if len(groups) > 1 else f"\n{_about(groups[0], width)}"))
    # Of many groups the panels say which line is whose.
    named = group_handles(groups) if len(groups) <= DETAILED else []
    legend(figure, [*named, *_curve_handles(groups, curves), *solved_line(*axes[:panels])], width)
    return figure


def _about(group: Group, width: float) -> str:
    """Return what a lone group is, in a line of the title."""
    members = count(len(group.members), "member")
    return f"{shorten(group.label, letters(0.95 * width, width) - len(members) - 2)}, {members}"


def _member_lines(axis: Axes, curve: Curve, number: int, marker: str) -> None:
    style: dict[str, Any] = {"color": group_color(number), "marker": marker, "markersize": 1.5}
    for at, values in zip(curve.times, curve.values, strict=True):
        there = np.isfinite(values)
        axis.plot(at[there], values[there], linewidth=0.5, alpha=0.5, **style)


def _alike(curves: Sequence[Curve]) -> bool:
    """Return whether groups have trained for about as long: else a short one's panel would look empty."""
    ends = [curve.at[-1] for curve in curves if len(curve.at)]
    return not ends or max(ends) <= _UNLIKE * max(min(ends), 1)


def _mean_line(axis: Axes, curve: Curve, number: int, band: bool, marker: str) -> None:
    """Draw a group's IQM: solid as long as every member is in it, dotted where some have ended."""
    color, there = group_color(number), np.isfinite(curve.iqm)
    at, center, whole = curve.at[there], curve.iqm[there], curve.whole[there]
    solid = int(whole.sum())  # members only ever end
    style: dict[str, Any] = {"color": color, "marker": marker, "markersize": 4}
    axis.plot(at[:solid], center[:solid], linestyle=group_line(number), lw=1.8, **style)
    rest = slice(max(solid - 1, 0), None) if solid < len(at) else slice(0)
    axis.plot(at[rest], center[rest], linestyle=_ENDED, lw=1.2, **style)
    if band:
        axis.fill_between(at, curve.low[there], curve.high[there], color=color, alpha=0.2, linewidth=0)


def _curve_handles(groups: Sequence[Group], curves: Sequence[Curve]) -> list[Any]:
    """Return the entries that explain lines and band: none if every group is a single member, which is its line."""
    color = shared_color(groups)
    if not (band := interval_handle(groups, "its 95 % bootstrap interval")):
        return []
    handles = [
        Line2D([], [], color=color, lw=1.8, label="IQM over members"),
        *band,
        Line2D([], [], color=color, lw=0.5, alpha=0.7, label="one member"),
    ]
    if any(np.isfinite(curve.iqm[~curve.whole]).any() for curve in curves):
        handles.append(Line2D([], [], color=color, linestyle=_ENDED, label="IQM where some members have ended"))
    return handles
