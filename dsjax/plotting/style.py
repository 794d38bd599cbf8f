"""How figures look and where they go: one style, colors that mean the same everywhere, files that are whole or absent.

Figures are plain matplotlib `Figure`s, not pyplot's: they need no screen, and none stays open.
"""

from collections.abc import Callable, Sequence
from functools import partial, wraps
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

import matplotlib
from matplotlib import colormaps
from matplotlib.axis import Axis
from matplotlib.figure import Figure
from matplotlib.ticker import EngFormatter, MaxNLocator

from dsjax.storage.atomic import make_folder, write_whole

FORMATS = ("png", "pdf")
WIDTH = 7.0  # [inches] of a figure over two columns of a paper
COLUMN = 3.5  # [inches] of one over a single column
WIDTHS = {1: COLUMN, 2: WIDTH}  # by columns
_LETTER = 0.56  # mean width of a letter over the font's size
_STYLE: Any = {
    "figure.constrained_layout.use": True,
    "figure.dpi": 150,
    "axes.titlelocation": "left",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.alpha": 0.25,
    "lines.linewidth": 1.2,
    "legend.frameon": False,
    "text.parse_math": False,  # what a user calls a run is no formula
    "pdf.fonttype": 42,  # text that can be selected and edited
}
# Okabe & Ito's colors, which the color-blind can tell apart, without the yellow that is faint on white.
_GROUPS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
TIME = "controller time [s]"
MAP = colormaps["viridis"]


Parameters = ParamSpec("Parameters")
Result = TypeVar("Result")


_SIZES = ("font.size", "axes.titlesize", "axes.labelsize", "legend.fontsize", "xtick.labelsize", "ytick.labelsize")


def styled(function: Callable[Parameters, Result]) -> Callable[Parameters, Result]:
    """Decorator: draw with dsjax's rcParams, with fonts for the `width` that the function is called with."""

    @wraps(function)
    def drawn(*arguments: Parameters.args, **options: Parameters.kwargs) -> Result:
        size = font_size(options.get("width", WIDTH))  # type: ignore[arg-type]
        with matplotlib.rc_context(_STYLE | dict.fromkeys(_SIZES, size) | {"figure.titlesize": size}):
            return function(*arguments, **options)

    return drawn


def font_size(width: float) -> float:
    """Return the size [pt] of all text in a figure so wide: 7 pt at least, as journals ask for."""
    return 7.0 if width < (COLUMN + WIDTH) / 2 else 8.0


def letters(width: float, page: float = WIDTH) -> int:
    """Return how many letters fit into a width [inches] of a figure that is `page` wide."""
    return int(width * 72 / (font_size(page) * _LETTER))


def group_color(number: int) -> str:
    """Return the color of a group: one of seven, over again from the eighth on."""
    return _GROUPS[number % len(_GROUPS)]


def group_line(number: int) -> Any:
    """Return the line style of a group, which sets those of the same color apart."""
    return ("-", "--", ":", "-.")[number // len(_GROUPS) % 4]


def steps_axis(axis: Axis, width: float | None = None) -> None:
    """Label an axis's large numbers as 500k and 2M; of one so wide [inches], see `few_ticks`."""
    axis.set_major_formatter(EngFormatter(sep=""))
    if width is not None:
        few_ticks(axis, width)


def few_ticks(axis: Axis, width: float) -> None:
    """Have so few ticks on an axis so wide [inches] that their numbers stay apart, and how many is known beforehand.

    Else the layout is made for some, and others are drawn, whose numbers may leave the canvas.
    """
    axis.set_major_locator(MaxNLocator(max(2, round(1.5 * width)), min_n_ticks=2))


@styled
def save(figure: Figure, folder: Path, name: str, formats: Sequence[str] = FORMATS) -> list[Path]:
    """Save a figure as FOLDER/NAME.png and .pdf, or in the formats named; return their paths."""
    folder = Path(folder)
    make_folder(folder)
    paths = [folder / f"{name}.{kind}" for kind in formats]
    for path in paths:
        kind = path.suffix[1:]
        # Without its date, a PDF of the same figure is the same file.
        metadata = {"CreationDate": None} if kind == "pdf" else None
        write_whole(path, partial(figure.savefig, format=kind, metadata=metadata))
    return paths
