"""Curves of groups of members over steps or episodes: one panel per group, and all groups' means in front."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import MaxNLocator

from dsjax.analysis.comparison import Comparison, Group
from dsjax.analysis.curves import Curve, frozen_curve, training_curve
from dsjax.analysis.formats import count, shorten
from dsjax.envs.task import SOLVED_EPISODES, SOLVED_RETURN
from dsjax.plotting.style import (
    COLUMN,
    WIDTH,
    group_color,
    group_line,
    legend,
    letters,
    steps_axis,
    styled,
)

TIME_LABELS = {"step": "environment steps", "episode": "episodes"}
_UNLIKE = 3.0  # panels share their x axis unless the longest group has trained so many times as long as the shortest
_ENDED: Any = (0, (1, 2))  # line style where members have ended


@styled
def training_curves(comparison: Comparison, unit: str = "step", *, width: float = WIDTH) -> Figure:
    """Draw the members' mean return of their last 100 training episodes, over one of `members.UNITS`."""
    end = comparison.last(unit)
    curves = [training_curve(group, unit, end) for group in comparison.groups]
    title = f"Training, weights oscillate and learn: mean of each member's last {SOLVED_EPISODES} episodes"
    return _curves(comparison.groups, curves, title, TIME_LABELS[unit], "learning return", width)


@styled
def frozen_curves(comparison: Comparison, *, width: float = WIDTH) -> Figure:
    """Draw the mean return of the members' frozen centers on held-out terrains, evaluation by evaluation."""
    curves = [frozen_curve(group) for group in comparison.groups]
    title = "Frozen centers on the held-out terrains of validation-v1 (dots: evaluations)"
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
    for number, (group, curve, axis) in enumerate(zip(groups, curves, axes[panels - len(groups) :], strict=False)):
        for at, values in zip(curve.times, curve.values, strict=True):
            there = np.isfinite(values)
            style: dict[str, Any] = {"color": group_color(number), "marker": marker, "markersize": 1.5}
            axis.plot(at[there], values[there], linewidth=0.5, alpha=0.5, **style)
        _mean_line(axis, curve, number, True, marker)
        if len(groups) > 1:
            axis.set_title(f"{shorten(group.label, fits)}\n{count(len(group.members), 'member')}")
    for place, axis in enumerate(axes[:panels]):
        solved_line(axis)
        steps_axis(axis.xaxis)
        axis.xaxis.set_major_locator(MaxNLocator(max(2, round(1.5 * width / columns)), min_n_ticks=2))
        axis.xaxis.set_tick_params(labelbottom=True)
        if place >= panels - columns:  # nothing below it
            axis.set_xlabel(xlabel)
        if place % columns == 0:
            axis.set_ylabel(ylabel)
    lone = "" if len(groups) > 1 else f"\n{shorten(groups[0].label, 60)}, {count(len(groups[0].members), 'member')}"
    figure.suptitle(wrapped(title, width) + lone)
    legend(figure, [*(group_handles(groups) if len(groups) > 1 else []), *_curve_handles(groups, curves)], width)
    return figure


def _alike(curves: Sequence[Curve]) -> bool:
    """Return whether groups have trained for about as long: else a short one's panel would look empty."""
    ends = [curve.at[-1] for curve in curves if len(curve.at)]
    shown = [curve.at[np.isfinite(curve.values).any(axis=0)].max(initial=0) for curve in curves if len(curve.at)]
    return not ends or max(shown) <= _UNLIKE * max(min(shown), 1)


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


def group_handles(groups: Sequence[Group]) -> list[Line2D]:
    """Return a legend's entry for each group."""
    return [
        Line2D([], [], color=group_color(number), linestyle=group_line(number), lw=1.8, label=group.label)
        for number, group in enumerate(groups)
    ]


def _curve_handles(groups: Sequence[Group], curves: Sequence[Curve]) -> list[Any]:
    """Return the entries that explain lines and band: in the group's color, or in gray for any group's."""
    color = group_color(0) if len(groups) == 1 else "gray"
    handles = [
        Line2D([], [], color=color, lw=1.8, label="IQM over members"),
        Patch(color=color, alpha=0.25, linewidth=0, label="its 95 % bootstrap interval"),
        Line2D([], [], color=color, lw=0.5, alpha=0.7, label="one member"),
    ]
    if any(np.isfinite(curve.iqm[~curve.whole]).any() for curve in curves):
        handles.append(Line2D([], [], color=color, linestyle=_ENDED, label="some members have ended"))
    return handles


def wrapped(title: str, width: float) -> str:
    """Return a title in lines that fit a figure's width, broken before a bracket or at a colon if there is one."""
    if len(title) <= letters(0.95 * width, width):
        return title
    for mark, end, start in ((" (", "", "("), (": ", ":", "")):
        if mark in title:
            first, second = title.split(mark, 1)
            return f"{first}{end}\n{start}{second}"
    return title


def solved_line(axis: Axes, always: bool = False) -> None:
    """Mark the return that counts as solved, where it is in sight."""
    if always or axis.get_ylim()[1] > SOLVED_RETURN / 2:
        axis.axhline(SOLVED_RETURN, color="black", linewidth=0.8, linestyle="--")
