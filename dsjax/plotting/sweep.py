"""Figures of what a sweep found: points ranked, main effects, heat maps, random points as parallel coordinates."""

from collections.abc import Iterator, Sequence
from itertools import combinations
from typing import Any

import numpy as np
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.figure import Figure

from dsjax.analysis.stats import interval, iqm
from dsjax.plotting.style import WIDTH, member_color, styled
from dsjax.sweeps.results import SweepResults, effect, label, point_rows, value_label

_COLORS = "viridis"
_MOST_RANKED = 40  # points in the ranking, which is a page
_FEW = 6  # values of a number, each of which is marked on its axis


def sweep_figures(results: SweepResults, width: float = WIDTH) -> Iterator[tuple[str, Figure]]:
    """Yield (name, Figure) of all that a sweep can be drawn from."""
    yield "ranking", ranking(results, width=width)
    if not results.is_grid():
        yield "parallel-coordinates", parallel_coordinates(results, width=width)
        return
    keys = [key for key in results.plan.keys if len(results.values(key)) > 1]
    if keys:
        yield "main-effects", main_effects(results, keys, width=width)
    if len(keys) > 1:
        yield "heat-map", heat_maps(results, keys, width=width)


@styled
def ranking(results: SweepResults, *, width: float = WIDTH) -> Figure:
    """Draw each point's members, their IQM and its interval, best point first."""
    rows = point_rows(results)[:_MOST_RANKED]
    scores = results.scores()
    figure = Figure(figsize=(width, 1.3 + 0.28 * len(rows)))
    axis = figure.subplots()
    for place, row in enumerate(rows):
        axis.plot([row["low"], row["high"]], [place, place], color="#56B4E9", linewidth=3)
        axis.plot(scores[row["point"]], np.full(scores.shape[1], place), "|", color="#0072B2", markersize=6)
        axis.plot(row["iqm"], place, "o", color="#0072B2")
    names = [f"{label(results.plan, row['point'])}  ({row['point']})" for row in rows]
    axis.set_yticks(range(len(rows)), names)
    axis.set(ylim=(len(rows) - 0.5, -0.5), xlabel=results.measure())
    left_out = len(results.groups) - len(rows)
    beside = f"; {left_out} more are worse" if left_out else ""
    figure.suptitle(f"Points by IQM over members (dots), with 95 % bootstrap intervals (bars){beside}")
    return figure


@styled
def main_effects(results: SweepResults, keys: Sequence[str], *, width: float = WIDTH) -> Figure:
    """Draw, for each swept key, each member's mean over all points with a value, and the IQM over members."""
    columns = min(len(keys), 3)
    rows = -(-len(keys) // columns)
    figure = Figure(figsize=(width, 0.7 + 2.7 * rows))
    axes = figure.subplots(rows, columns, sharey=True, squeeze=False).ravel()
    for unused in axes[len(keys) :]:
        unused.remove()
    for place, (key, axis) in enumerate(zip(keys, axes, strict=False)):
        values = results.values(key)
        effects = np.array([effect(results, key, value) for value in values])
        for member, line in enumerate(effects.T):
            axis.plot(line, color=member_color(member), linewidth=0.6, alpha=0.7, marker=".", markersize=3)
        for x, mine in enumerate(effects):
            _point_with_interval(axis, x + 0.08, mine[np.isfinite(mine)])
        axis.set_xticks(range(len(values)), [value_label(value) for value in values])
        axis.set(xlim=(-0.5, len(values) - 0.5), xlabel=key)
        if place % columns == 0:
            axis.set_ylabel(results.measure().replace(" on ", "\non "))
    figure.suptitle("Main effects: members' means over all else that is swept,\ntheir IQM and its 95 % interval (bold)")
    return figure


def _point_with_interval(axis: Axes, x: float, values: np.ndarray) -> None:
    if len(values):
        axis.plot([x, x], interval(values), color="black", linewidth=2.5)
        axis.plot(x, iqm(values), "o", color="black", markersize=5)


@styled
def heat_maps(results: SweepResults, keys: Sequence[str], *, width: float = WIDTH) -> Figure:
    """Draw the IQM over members at every two values of every two swept keys, averaged over the others."""
    pairs = list(combinations(keys, 2))
    wide = max(len(results.values(key)) for key in keys) > 5
    columns = 1 if wide or len(pairs) == 1 else 2
    rows = -(-len(pairs) // columns)
    figure = Figure(figsize=(width, 0.7 + 3.1 * rows))
    axes = figure.subplots(rows, columns, squeeze=False).ravel()
    for unused in axes[len(pairs) :]:
        unused.remove()
    cells = [_cells(results, *pair) for pair in pairs]
    everything = np.concatenate([center.ravel() for center, _ in cells])
    scale = Normalize(np.nanmin(everything), np.nanmax(everything))
    for pair, (centers, texts), axis in zip(pairs, cells, axes, strict=False):
        _heat_map(axis, centers, texts, scale)
        down, across = ([value_label(value) for value in results.values(key)] for key in pair)
        axis.set_yticks(range(len(down)), down)
        axis.set_xticks(range(len(across)), across)
        axis.set(ylabel=pair[0], xlabel=pair[1])
    figure.colorbar(ScalarMappable(scale, _COLORS), ax=list(axes[: len(pairs)]), label=results.measure())
    rest = ", averaged over what else is swept" if len(keys) > 2 else ""
    figure.suptitle(f"IQM over members, with 95 % intervals{rest}")
    return figure


def _cells(results: SweepResults, row_key: str, column_key: str) -> tuple[np.ndarray, np.ndarray]:
    """Return (IQM (rows, columns), texts) of every two values."""
    shape = len(results.values(row_key)), len(results.values(column_key))
    centers, texts = np.full(shape, np.nan), np.full(shape, "", object)
    scores = results.scores()
    for row, first in enumerate(results.values(row_key)):
        for column, second in enumerate(results.values(column_key)):
            there = scores[results.at({row_key: first, column_key: second})]
            there = there[:, np.isfinite(there).all(axis=0)].mean(axis=0)  # members that have a score at each point
            if len(there):
                low, high = interval(there)
                centers[row, column] = iqm(there)
                texts[row, column] = f"{iqm(there):.0f}\n{low:.0f} to {high:.0f}"
    return centers, texts


def _heat_map(axis: Axes, centers: np.ndarray, texts: np.ndarray, scale: Normalize) -> None:
    axis.imshow(centers, cmap=_COLORS, norm=scale, aspect="auto")
    axis.grid(visible=False)
    for (row, column), text in np.ndenumerate(texts):
        shade = "white" if scale(centers[row, column]) < 0.6 else "black"
        axis.text(column, row, text, ha="center", va="center", color=shade)


@styled
def parallel_coordinates(results: SweepResults, *, width: float = WIDTH) -> Figure:
    """Draw each point as a line through its values of the swept keys to its IQM, which colors it; the best on top."""
    rows = point_rows(results)[::-1]
    keys = [*results.plan.keys, "iqm"]
    places, ticks = zip(*(_coordinate([row[key] for row in rows]) for key in keys), strict=True)
    scores = np.array([row["iqm"] for row in rows])
    scale = Normalize(np.nanmin(scores), np.nanmax(scores))
    figure = Figure(figsize=(width, 4.2))
    axis = figure.subplots()
    for row, heights in enumerate(zip(*places, strict=True)):
        color = colormaps[_COLORS](scale(scores[row])) if np.isfinite(scores[row]) else "lightgray"
        axis.plot(heights, color=color, linewidth=1.2 if row < len(rows) - 3 else 2.4, alpha=0.9)
    for x, marks in enumerate(ticks):
        axis.axvline(x, color="black", linewidth=0.8)
        for height, text in marks:
            axis.annotate(
                text, (x, height), (3, 0), textcoords="offset points", va="center",
                bbox={"facecolor": "white", "alpha": 0.75, "linewidth": 0, "pad": 1},
            )  # fmt: skip
    names = [key.replace(".", "\n") for key in results.plan.keys] + ["IQM of the\nreturn"]
    axis.set_xticks(range(len(keys)), names)
    axis.set(xlim=(-0.2, len(keys) - 0.6), yticks=[], xlabel="swept keys, and what came of them")
    axis.set_ylabel("each axis from its lowest value to its highest")
    axis.grid(visible=False)
    axis.spines[:].set_visible(False)
    figure.colorbar(ScalarMappable(scale, _COLORS), ax=axis, label=results.measure())
    figure.suptitle(f"{len(rows)} points drawn at random, one line each; the best three bold")
    return figure


def _coordinate(values: Sequence[Any]) -> tuple[Any, list[tuple[float, str]]]:
    """Return (heights in [0, 1], [(height, text)] to mark): by name, by size, or by its logarithm if that is wide."""
    # What is infinite has no place among sizes either.
    if not all(isinstance(value, int | float) and type(value) is not bool and not np.isinf(value) for value in values):
        names = sorted({value_label(value) for value in values})
        heights = {name: (place + 0.5) / len(names) for place, name in enumerate(names)}
        return [heights[value_label(value)] for value in values], [(height, name) for name, height in heights.items()]
    numbers = np.array(values, float)
    low, high = np.nanmin(numbers), np.nanmax(numbers)
    if not high > low:
        return np.full(len(numbers), 0.5), [(0.5, _short(low))]
    logarithmic = low > 0 and high / low > 20
    share = np.log(numbers / low) / np.log(high / low) if logarithmic else (numbers - low) / (high - low)
    few = np.unique(numbers[np.isfinite(numbers)])
    if len(few) <= _FEW:
        heights = dict(zip(numbers, share, strict=True))
        return share, [(heights[value], _short(value)) for value in few]
    marks = np.linspace(0, 1, 5)
    marked = low * (high / low) ** marks if logarithmic else low + marks * (high - low)
    return share, [(mark, _short(value)) for mark, value in zip(marks, marked, strict=True)]


def _short(value: float) -> str:
    return f"{value:,.0f}" if 1000 <= abs(value) < 1e7 else f"{value:.3g}"
