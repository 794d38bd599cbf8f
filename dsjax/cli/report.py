"""`dsjax report`: report runs on one HTML page."""

from pathlib import Path

import tyro


def main(arguments: list[str], program: str | None = None) -> None:
    """Run the command."""
    tyro.cli(report, args=arguments, prog=program)


def report(
    runs: tyro.conf.Positional[tuple[Path, ...]],
    by: tuple[str, ...] = (),
    labels: tuple[str, ...] = (),
    output: Path | None = None,
) -> None:
    """Write one page with numbers, figures, configs and a film of runs, that opens from a disk without a network.

    Args:
        runs: Run folders, or sweeps' folders.
        by: Config keys, as learning.repulsive: members with the same values make a group. All keys if not given.
        labels: What to call the groups, in their order; see `dsjax compare`.
        output: HTML file; RUN/report.html of a single run, report.html of several, if not given.
    """
    # Imported here because --help needs none of it.
    from dsjax.analysis.comparison import compare
    from dsjax.plotting.report import write_report
    from dsjax.sweeps.plan import run_folders
    from dsjax.training.runtime import prepare

    prepare()
    comparison = compare(run_folders(runs), by, labels)
    path = output or (runs[0] if len(runs) == 1 else Path()) / "report.html"
    write_report(comparison, path)
    print(path)
