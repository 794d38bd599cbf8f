"""What comparing gives: notes, tables, rows to keep and figures, of runs side by side or of a sweep."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

from matplotlib.figure import Figure
from rich.table import Table

from dsjax import plots, sweep_plots, sweep_results
from dsjax.comparison import compare
from dsjax.summary import group_rows, markdown, member_rows, pair_rows
from dsjax.sweep import is_sweep
from dsjax.sweep_results import effect_rows, point_rows
from dsjax.sweep_tables import result_tables
from dsjax.tables import comparison_tables

_MOST_GROUPS = 16  # points of which curves are drawn: a panel each


class Findings(NamedTuple):
    """What there is to show."""

    notes: list[str]
    tables: list[Table]
    rows: dict[str, list[dict]]  # of a CSV file each, by its name
    page: str  # the groups' table in Markdown
    figures: Iterable[tuple[str, Figure]]  # with their names


def findings(folders: Sequence[Path], by: Sequence[str] = (), labels: Sequence[str] = ()) -> Findings:
    """Return the findings on runs; on a sweep alone, if nothing else is to make groups, those on its points.

    See `comparison.compare`, too, of the arguments.

    Raises:
      RunError: a folder cannot be read.
      ConfigError: there is no key as in `by`, or there are not as many labels as groups.
    """
    if len(folders) == 1 and is_sweep(folders[0]) and not (by or labels):
        return _of_sweep(folders[0])
    comparison = compare(folders, by, labels)
    rows = {"groups": group_rows(comparison), "members": member_rows(comparison), "pairs": pair_rows(comparison)}
    tables, figures = comparison_tables(rows["groups"], rows["pairs"]), plots.comparison_figures(comparison)
    return Findings(comparison.notes, tables, rows, markdown(rows["groups"]), figures)


def _of_sweep(folder):
    results = sweep_results.load(folder)
    comparison = results.comparison()
    rows = {"points": point_rows(results), "effects": effect_rows(results), "members": member_rows(comparison)}

    def figures():
        yield from sweep_plots.sweep_figures(results)
        if len(comparison.groups) <= _MOST_GROUPS:
            yield "training-steps", plots.training_curves(comparison)
            yield "frozen-steps", plots.frozen_curves(comparison)

    return Findings(results.notes, result_tables(results), rows, markdown(group_rows(comparison)), figures())
