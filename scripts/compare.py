#!/usr/bin/env python
"""Compare members and groups of runs, in figures and numbers: python scripts/compare.py runs/A runs/B."""


def main():
    from pathlib import Path

    import tyro
    from rich.console import Console

    from dsjax import figures, plots
    from dsjax.command import errors_in_one_line
    from dsjax.comparison import compare
    from dsjax.summary import write_csv
    from dsjax.tables import comparison_tables

    def compare_runs(
        runs: tyro.conf.Positional[tuple[Path, ...]], by: tuple[str, ...] = (), output: Path | None = None
    ) -> None:
        """Compare the members of runs, finished or going on: figures as PNG and PDF, numbers as tables and CSV.

        Args:
            runs: Run folders.
            by: Config keys, as learning.repulsive: members with the same values make a group. All keys if not given.
            output: Folder of figures and tables; RUN/figures of a single run, figures of several, if not given.
        """
        console = Console()
        with errors_in_one_line():
            comparison = compare(runs, by)
            folder = output or (runs[0] / "figures" if len(runs) == 1 else Path("figures"))
            for note in comparison.notes:
                console.print(f"[yellow]note:[/] {note}", soft_wrap=True)
            console.print(*comparison_tables(comparison))
            paths = write_csv(comparison, folder)
            for name, figure in plots.comparison_figures(comparison):
                paths += figures.save(figure, folder, name)
            console.print(f"In {folder}:", *(path.name for path in paths), soft_wrap=True)

    tyro.cli(compare_runs)


if __name__ == "__main__":
    main()
