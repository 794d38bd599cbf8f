"""Figures of what a sweep found: points ranked, main effects, heat maps, random points as parallel coordinates."""

import textwrap
from collections.abc import Iterator, Sequence
from itertools import combinations
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from dsjax.analysis.formats import count, shorten, shorten_all
from dsjax.analysis.stats import interval, iqm
from dsjax.plotting.coordinates import parallel_coordinates
from dsjax.plotting.legends import legend, wrapped
from dsjax.plotting.style import COLUMN, MAP, WIDTH, few_ticks, font_size, group_color, letters, styled
from dsjax.sweeps.results import SweepResults, effect, label, point_rows, value_label

_MOST_RANKED = 30  # points in the ranking, which is a page


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
    fits = letters(0.45 * width, width)
    names = [
        textwrap.fill(f"{row['point']}: {label(results.plan, row['point'])}", fits, max_lines=2, placeholder="…")
        for row in rows
    ]
    figure = Figure(figsize=(width, 1.0 + (0.3 if "\n" in "".join(names) else 0.2) * len(rows)))
    axis = figure.subplots()
    wide: dict[str, Any] = {"color": "#56B4E9", "linewidth": 3}
    tick: dict[str, Any] = {"color": "#0072B2", "marker": "|", "markersize": 6, "linestyle": ""}
    dot: dict[str, Any] = {"color": "#0072B2", "marker": "o", "markersize": 4, "linestyle": ""}
    for place, row in enumerate(rows):
        axis.plot([row["low"], row["high"]], [place, place], **wide)
        axis.plot(scores[row["point"]], np.full(scores.shape[1], place), **tick)
        axis.plot(row["iqm"], place, **dot)
    axis.set_yticks(range(len(rows)), names)
    axis.set(ylim=(len(rows) - 0.5, -0.5), xlabel=_measure(results), ylabel="point")
    few_ticks(axis.xaxis, 0.55 * width)
    left_out = len(results.groups) - len(rows)
    beside = f" ({count(left_out, 'more is', 'more are')} worse)" if left_out else ""
    figure.suptitle(wrapped(f"Points of the sweep by their IQM over members{beside}", width))
    marks = ((dot, "IQM over members"), (wide, "its 95 % bootstrap interval"), (tick, "one member"))
    legend(figure, [Line2D([], [], label=text, **style) for style, text in marks], width)
    return figure


def _measure(results: SweepResults) -> str:
    """Return what `SweepResults.scores` are, in few letters."""
    return results.measure().replace("return of the frozen centers", "frozen return")


@styled
def main_effects(results: SweepResults, keys: Sequence[str], *, width: float = WIDTH) -> Figure:
    """Draw, for each swept key, each member's mean over all points with a value, and the IQM over members."""
    columns = min(len(keys), 2 if width <= COLUMN else 3)
    rows = -(-len(keys) // columns)
    figure = Figure(figsize=(width, 0.7 + 2.7 * rows))
    axes = figure.subplots(rows, columns, sharey=True, squeeze=False).ravel()
    for unused in axes[len(keys) :]:
        unused.remove()
    room, color = width / columns - 0.3, group_color(0)  # of a panel beside its axis; of a member
    for place, (key, axis) in enumerate(zip(keys, axes, strict=False)):
        values = results.values(key)
        effects = np.array([effect(results, key, value) for value in values])
        for line in effects.T:
            axis.plot(line, color=color, linewidth=0.6, alpha=0.5, marker=".", markersize=3)
        for x, mine in enumerate(effects):
            _point_with_interval(axis, x + 0.08, mine[np.isfinite(mine)])
        _name_values(axis, values, room, width)
        axis.set(xlim=(-0.5, len(values) - 0.5), xlabel=_key(key, room, width))
        if place % columns == 0:
            axis.set_ylabel(_measure(results))
    figure.suptitle(wrapped("Main effects: each value's mean over all else that is swept", width))
    bold = Line2D([], [], color="black", linewidth=2.5, marker="o", markersize=4, label="IQM and its 95 % interval")
    thin = Line2D([], [], color=color, linewidth=0.6, marker=".", markersize=3, label="one member")
    legend(figure, [bold, thin], width)
    return figure


def _key(key: str, room: float, width: float) -> str:
    """Return a swept key as it fits beside an axis so long [inches]: without its section if it is long."""
    fits = letters(room, width)
    return key if len(key) <= fits else shorten(key.split(".")[-1], fits)


def _name_values(axis: Axes, values: Sequence[Any], room: float, width: float) -> None:
    """Name the values below an axis so long [inches]: upright if they are long."""
    names = [value_label(value) for value in values]
    upright = max(map(len, names)) + 1 > letters(room / len(names), width)
    axis.set_xticks(range(len(names)), shorten_all(names, 16), rotation=90 if upright else 0)


def _point_with_interval(axis: Axes, x: float, values: np.ndarray) -> None:
    if len(values):
        axis.plot([x, x], interval(values), color="black", linewidth=2.5)
        axis.plot(x, iqm(values), "o", color="black", markersize=5)


@styled
def heat_maps(results: SweepResults, keys: Sequence[str], *, width: float = WIDTH) -> Figure:
    """Draw the IQM over members at every two values of every two swept keys, averaged over the others."""
    pairs = list(combinations(keys, 2))
    wide = max(len(results.values(key)) for key in keys) > 5 or width <= COLUMN
    columns = 1 if wide or len(pairs) == 1 else 2
    rows = -(-len(pairs) // columns)
    figure = Figure(figsize=(width, 0.7 + 3.1 * rows))
    axes = figure.subplots(rows, columns, squeeze=False).ravel()
    for unused in axes[len(pairs) :]:
        unused.remove()
    cells = [_cells(results, *pair) for pair in pairs]
    everything = np.concatenate([center.ravel() for center, _ in cells])
    scale = Normalize(np.nanmin(everything), np.nanmax(everything))
    for (down, across), (centers, intervals), axis in zip(pairs, cells, axes, strict=False):
        names = shorten_all([value_label(value) for value in results.values(down)], 12)
        room = width / columns - 0.5 - max(map(len, names)) / letters(1, width)  # beside names and the key
        _heat_map(axis, centers, _texts(centers, intervals, room, width), scale)
        axis.set_yticks(range(len(names)), names)
        _name_values(axis, results.values(across), room, width)
        axis.set(ylabel=_key(down, 2.0, width), xlabel=_key(across, room, width))
    used = list(axes[: len(pairs)])
    # Below, its length is the figure's width; its share of the height is that of a map.
    below: dict[str, Any] = {"location": "bottom", "aspect": 40, "fraction": 0.1 / rows, "pad": 0.05 / rows}
    figure.colorbar(ScalarMappable(scale, MAP), ax=used, label=_measure(results), **below)
    rest = " (averaged over what else is swept)" if len(keys) > 2 else ""
    figure.suptitle(wrapped(f"IQM over members, with 95 % intervals{rest}", width))
    return figure


def _cells(results: SweepResults, row_key: str, column_key: str) -> tuple[np.ndarray, np.ndarray]:
    """Return (IQM (rows, columns), interval (rows, columns, 2)) of every two values; nan without a score."""
    shape = len(results.values(row_key)), len(results.values(column_key))
    centers, intervals = np.full(shape, np.nan), np.full((*shape, 2), np.nan)
    scores = results.scores()
    for row, first in enumerate(results.values(row_key)):
        for column, second in enumerate(results.values(column_key)):
            there = scores[results.at({row_key: first, column_key: second})]
            there = there[:, np.isfinite(there).all(axis=0)].mean(axis=0)  # members that have a score at each point
            if len(there):
                intervals[row, column] = interval(there)
                centers[row, column] = iqm(there)
    return centers, intervals


def _texts(centers: np.ndarray, intervals: np.ndarray, room: float, width: float) -> np.ndarray:
    """Return what to write into each cell of a map so wide [inches]: IQM and interval, the IQM, or nothing."""
    texts = np.full(centers.shape, "", object)
    for cell in np.ndindex(centers.shape):
        if np.isfinite(centers[cell]):
            middle, low, high = (float(value) for value in (centers[cell], *intervals[cell]))
            texts[cell] = f"{middle:z.0f}" + (f"\n{low:z.0f} to {high:z.0f}" if np.isfinite(low) else "")
    # 1.8 inches are left of a map's height where its values' names are long.
    fits, lines = letters(room / centers.shape[1], width) - 1, int(1.8 * 72 / centers.shape[0] / font_size(width) / 1.3)
    for shown in (texts, np.vectorize(lambda text: text.split("\n")[0], otypes=[object])(texts)):
        written = [text.split("\n") for text in shown.ravel()]
        if max(len(line) for text in written for line in text) <= fits and max(map(len, written)) <= lines:
            return shown
    return np.full(centers.shape, "", object)


def _heat_map(axis: Axes, centers: np.ndarray, texts: np.ndarray, scale: Normalize) -> None:
    axis.imshow(centers, cmap=MAP, norm=scale, aspect="auto")
    axis.grid(visible=False)
    for (row, column), text in np.ndenumerate(texts):
        shade = "white" if scale(centers[row, column]) < 0.6 else "black"
        axis.text(column, row, text, ha="center", va="center", color=shade)
