"""What says what a figure shows: titles that fit, legends below the axes, lines that mark a value."""

import math
import textwrap
from collections.abc import Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from dsjax.analysis.comparison import Group
from dsjax.analysis.formats import shorten_all
from dsjax.envs.task import SOLVED_RETURN
from dsjax.plotting.style import font_size, group_color, group_line, letters

DETAILED = 6  # groups at most of which bands, every episode and every pair are drawn


def legend(figure: Figure, handles: Sequence[Any], width: float) -> None:
    """Put a legend below all axes, and make the figure higher by as much; long labels are shortened."""
    if not handles:
        return
    fits = letters(width, width) - 8  # beside the line
    for handle, label in zip(handles, shorten_all([handle.get_label() for handle in handles], fits), strict=True):
        # Matplotlib leaves out what begins with an underscore.
        handle.set_label(f" {label}" if label.startswith("_") else label)
    longest = max(len(handle.get_label()) for handle in handles)
    columns = max(1, min(4, len(handles), (fits + 8) // (longest + 8)))
    rows = -(-len(handles) // columns)
    height = figure.get_figheight() + rows * font_size(width) * 1.6 / 72
    figure.set_figheight(math.ceil(height * 10) / 10)  # whole pixels
    figure.legend(handles=handles, loc="outside lower center", ncols=columns)


def group_handles(groups: Sequence[Group], most: int = 1000) -> list[Line2D]:
    """Return a legend's entry for each group, if there are several, with names of so many letters at most."""
    if len(groups) == 1:
        return []
    names = shorten_all([group.label for group in groups], most)
    return [
        Line2D([], [], color=group_color(number), linestyle=group_line(number), lw=1.8, label=name)
        for number, name in enumerate(names)
    ]


def shared_color(groups: Sequence[Group]) -> str:
    """Return the color of what a legend explains of all groups: that of a lone one, else gray."""
    return group_color(0) if len(groups) == 1 else "gray"


def interval_handle(groups: Sequence[Group], label: str = "95 % interval") -> list[Patch]:
    """Return the legend's entry for the groups' bands; none if every group has a single member, and so no band."""
    if all(len(group.members) < 2 for group in groups):
        return []
    return [Patch(color=shared_color(groups), alpha=0.25, linewidth=0, label=label)]


def solved_line(*axes: Axes, upright: bool = False, always: bool = False) -> list[Line2D]:
    """Mark the return that counts as solved, where it is in sight; return the legend's entry for it, if any."""
    shown = []
    for axis in axes:
        highest = axis.get_xlim()[1] if upright else axis.get_ylim()[1]
        if always or highest > SOLVED_RETURN / 2:
            shown.append(marked(axis, SOLVED_RETURN, f"solved: {SOLVED_RETURN:.0f}", upright))
    return shown[:1]


def marked(axis: Axes, value: float, label: str, upright: bool = False) -> Line2D:
    """Draw a dashed line at a value; return the legend's entry for it."""
    line: dict[str, Any] = {"color": "black", "linewidth": 0.8, "linestyle": "--"}
    (axis.axvline if upright else axis.axhline)(value, **line)
    return Line2D([], [], label=label, **line)


def wrapped(title: str, width: float) -> str:
    """Return a title in lines that fit a figure's width, broken before a bracket or at a colon if that will do."""
    fits = letters(0.95 * width, width)
    if len(title) <= fits:
        return title
    for mark, end, start in ((" (", "", "("), (": ", ":", "")):
        if mark in title:
            first, second = title.split(mark, 1)
            if max(len(first + end), len(start + second)) <= fits:
                return f"{first}{end}\n{start}{second}"
    return textwrap.fill(title, fits)
