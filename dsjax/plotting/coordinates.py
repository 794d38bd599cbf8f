"""Points of a sweep that were drawn at random, as parallel coordinates: an axis per swept key, one below the other."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from dsjax.analysis.formats import shorten, shorten_all
from dsjax.plotting.legends import legend, wrapped
from dsjax.plotting.style import MAP, WIDTH, letters, styled
from dsjax.sweeps.results import SweepResults, point_rows, value_label

_FEW = 6  # values of a number, each of which is marked on its axis
_BOLD = 3  # best points


@styled
def parallel_coordinates(results: SweepResults, *, width: float = WIDTH) -> Figure:
    """Draw each point as a line through its values of the swept keys to its IQM, which colors it; the best on top."""
    rows = point_rows(results)[::-1]
    keys = [*results.plan.keys, "iqm"]
    places, marks = zip(*(_coordinate([row[key] for row in rows]) for key in keys), strict=True)
    scores = np.array([row["iqm"] for row in rows])
    scale = Normalize(np.nanmin(scores), np.nanmax(scores))
    figure = Figure(figsize=(width, 0.8 + 0.7 * len(keys)))
    axis = figure.subplots()
    for row, values in enumerate(zip(*places, strict=True)):
        color = MAP(scale(scores[row])) if np.isfinite(scores[row]) else "lightgray"
        best = row >= len(rows) - _BOLD
        axis.plot(values, range(len(keys)), color=color, linewidth=2.4 if best else 1.0, alpha=0.9)
    for y, values in enumerate(marks):
        axis.axhline(y, color="black", linewidth=0.8)
        _name_marks(axis, y, values, 0.6 * width, width)
    fits = letters(0.25 * width, width)
    names = [key.rpartition(".") for key in results.plan.keys]
    texts = [f"{section}.\n{shorten(name, fits)}" if section else shorten(name, fits) for section, _, name in names]
    axis.set_yticks(range(len(keys)), [*texts, "IQM of the\nreturn"])
    axis.set(xlim=(-0.12, 1.12), ylim=(len(keys) - 0.6, -0.15), xticks=[], xlabel="lowest to highest value")
    axis.grid(visible=False)
    axis.spines[:].set_visible(False)
    figure.suptitle(wrapped(f"{len(rows)} points drawn at random (by {results.measure()})", width))
    lines = ((MAP(1.0), 1.0, "a point, colored by its IQM"), (MAP(1.0), 2.4, "the best three"))
    legend(figure, [Line2D([], [], color=color, linewidth=wide, label=text) for color, wide, text in lines], width)
    return figure


def _name_marks(axis: Axes, y: int, marks: Sequence[tuple[float, str]], room: float, width: float) -> None:
    """Write values below their places on an axis so long [inches], the ends first: not those that would overlap."""
    names = shorten_all([text for _, text in marks], max(10, letters(room / len(marks), width) - 1))
    taken: list[tuple[float, float]] = []
    for number in sorted(range(len(marks)), key=lambda number: 0 < number < len(marks) - 1):
        place, half = marks[number][0], (len(names[number]) + 1) / letters(room, width) / 2
        if all(place + half <= left or right <= place - half for left, right in taken):
            taken.append((place - half, place + half))
            axis.annotate(
                names[number], (place, y), (0, -3), textcoords="offset points", ha="center", va="top",
                bbox={"facecolor": "white", "alpha": 0.75, "linewidth": 0, "pad": 1},
            )  # fmt: skip


def _coordinate(values: Sequence[Any]) -> tuple[Any, list[tuple[float, str]]]:
    """Return (places in [0, 1], [(place, text)] to mark): by name, by size, or by its logarithm if that is wide."""
    # What is infinite has no place among sizes either.
    if not all(isinstance(value, int | float) and type(value) is not bool and not np.isinf(value) for value in values):
        names = sorted({value_label(value) for value in values})
        places = {name: (place + 0.5) / len(names) for place, name in enumerate(names)}
        return [places[value_label(value)] for value in values], [(place, name) for name, place in places.items()]
    numbers = np.array(values, float)
    low, high = np.nanmin(numbers), np.nanmax(numbers)
    if not high > low:
        return np.full(len(numbers), 0.5), [(0.5, _short(low))]
    logarithmic = low > 0 and high / low > 20
    share = np.log(numbers / low) / np.log(high / low) if logarithmic else (numbers - low) / (high - low)
    few = np.unique(numbers[np.isfinite(numbers)])
    if len(few) <= _FEW:
        places = dict(zip(numbers, share, strict=True))
        return share, [(places[value], _short(value)) for value in few]
    marks = np.linspace(0, 1, 5)
    marked = low * (high / low) ** marks if logarithmic else low + marks * (high - low)
    return share, [(mark, _short(value)) for mark, value in zip(marks, marked, strict=True)]


def _short(value: float) -> str:
    return f"{value:,.0f}" if 1000 <= abs(value) < 1e7 else f"{value:.3g}"
