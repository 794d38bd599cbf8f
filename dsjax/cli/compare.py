"""`dsjax compare`: compare runs, or the points of a sweep, in figures and tables."""

from pathlib import Path
from typing import Literal

import tyro


def main(arguments: list[str], program: str | None = None) -> None:
    """Run the command."""
    tyro.cli(compare, args=arguments, prog=program)


def compare(
    runs: tyro.conf.Positional[tuple[str, ...]],
    by: tuple[str, ...] = (),
    labels: tuple[str, ...] = (),
    columns: Literal[1, 2] = 2,
    output: Path | None = None,
) -> None:
    """Compare the members of runs, finished or training, in figures (PNG, PDF) and tables (CSV, Markdown).

    Args:
        runs: Run folders, or one sweep's folder: then its points are ranked, and its swept keys' effects shown.
            A sweep may also be a URL, as s3://bucket/NAME: its records are copied to the user's cache folder.
        by: Config keys, as learning.repulsive: members with the same values make a group. All keys if not given.
        labels: What to call the groups, in their order; if not given, the values in which they differ, or where these
            are many the runs' names.
        columns: How many columns of a paper the figures are wide: 3.5 or 7 inches.
        output: Folder of figures and tables; if not given, RUN/figures of a single run, else figures.
    """
    # Imported here because --help needs none of it.
    from rich.console import Console

    from dsjax.analysis.summary import write_csv
    from dsjax.cli.comparison_results import comparison_results
    from dsjax.cli.terminal import note, say
    from dsjax.plotting import style
    from dsjax.storage.atomic import write_text
    from dsjax.sweeps import remote

    console = Console()
    folders = [remote.copy_records(run) for run in runs]
    single = len(runs) == 1 and not remote.is_url(runs[0])
    folder = output or (folders[0] / "figures" if single else Path("figures"))
    found = comparison_results(folders, by, labels, style.WIDTHS[columns])
    for text in found.notes:
        note(console, text)
    console.print(*found.tables)
    for sentence in found.left_out:
        note(console, sentence)
    paths = [*write_csv(found.rows, folder), folder / "groups.md"]
    write_text(paths[-1], found.page)
    for name, figure in found.figures:
        paths += style.save(figure, folder, name)
    say(console, f"In {folder}: {' '.join(path.name for path in paths)}")
