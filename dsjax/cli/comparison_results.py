"""Comparison results: notes, tables, rows to keep and figures, of runs side by side or of a sweep."""

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from matplotlib.figure import Figure
from rich.table import Table

from dsjax.analysis.comparison import compare
from dsjax.analysis.summary import difference_rows, group_rows, markdown, member_rows, pair_rows
from dsjax.cli.comparison_tables import comparison_tables
from dsjax.cli.sweep_tables import result_tables
from dsjax.plotting import sweep
from dsjax.plotting.comparisons import comparison_figures, left_out
from dsjax.plotting.curves import frozen_curves, training_curves
from dsjax.plotting.style import WIDTH
from dsjax.sweeps.plan import run_folders
from dsjax.sweeps.results import effect_rows, point_rows, read_results
from dsjax.sweeps.spec import is_sweep

_MOST_GROUPS = 16  # points of which curves are drawn: a panel each


class ComparisonResults(NamedTuple):
    """All that a comparison shows."""

    notes: list[str]
    tables: list[Table]
    rows: dict[str, list[dict]]  # of a CSV file each, by its name
    page: str  # the groups' table in Markdown
    figures: Iterable[tuple[str, Figure]]  # with their names
    left_out: list[str]  # why figures are missing


def comparison_results(
    folders: Sequence[Path], by: Sequence[str] = (), labels: Sequence[str] = (), width: float = WIDTH
) -> ComparisonResults:
    """Return the results of runs; of a sweep alone, if nothing else is to make groups, those of its points.

    See `comparison.compare`, too, of the arguments.

    Raises:
      RunError: a folder cannot be read.
      ConfigError: there is no key as in `by`, or there are not as many labels as groups.
    """
    if len(folders) == 1 and is_sweep(folders[0]) and not (by or labels):
        return _of_sweep(folders[0], width)
    comparison = compare(run_folders(folders), by, labels)
    rows = {
        "groups": group_rows(comparison),
        "members": member_rows(comparison),
        "pairs": pair_rows(comparison),
        "differences": difference_rows(comparison),
    }
    tables = comparison_tables(rows["groups"], rows["pairs"], comparison.differences)
    figures, missing = comparison_figures(comparison, width), list(dict.fromkeys(left_out(comparison).values()))
    return ComparisonResults(comparison.notes, tables, rows, markdown(rows["groups"]), figures, missing)


def _of_sweep(folder: Path, width: float) -> ComparisonResults:
    results = read_results(folder)
    comparison = results.comparison()
    rows = {"points": point_rows(results), "effects": effect_rows(results), "members": member_rows(comparison)}

    def figures() -> Iterator[tuple[str, Figure]]:
        yield from sweep.sweep_figures(results, width)
        if len(comparison.groups) <= _MOST_GROUPS:
            yield "training-steps", training_curves(comparison, width=width)
            yield "frozen-steps", frozen_curves(comparison, width=width)

    return ComparisonResults(
        results.notes, result_tables(results), rows, markdown(group_rows(comparison)), figures(), []
    )
