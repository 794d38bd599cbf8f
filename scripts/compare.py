#!/usr/bin/env python
"""Compare runs, or the points of a sweep, in figures and numbers: python scripts/compare.py runs/A runs/B."""

from pathlib import Path

from dsjax import entry


def main():
    import tyro

    def compare_runs(
        runs: tyro.conf.Positional[tuple[str, ...]],
        by: tuple[str, ...] = (),
        labels: tuple[str, ...] = (),
        output: Path | None = None,
    ) -> None:
        """Compare the members of runs, finished or training, in figures (PNG, PDF) and tables (CSV, Markdown).

        Args:
            runs: Run folders, or one sweep's folder: then its points are ranked, and its swept keys' effects shown.
                A sweep may also be a URL, as s3://bucket/NAME: its records are copied to the user's cache folder.
            by: Config keys, as learning.repulsive: members with the same values make a group. All keys if not given.
            labels: What to call the groups, in their order; the values in which they differ if not given.
            output: Folder of figures and tables; if not given, RUN/figures of a single run, else figures.
        """
        # Imported here because --help needs none of it.
        from rich.console import Console

        from dsjax import depot, figures
        from dsjax.findings import findings
        from dsjax.records import write_text
        from dsjax.summary import write_csv
        from dsjax.terminal import note, say

        console = Console()
        folders = [depot.records(run) for run in runs]
        single = len(runs) == 1 and not depot.is_url(runs[0])
        folder = output or (folders[0] / "figures" if single else Path("figures"))
        found = findings(folders, by, labels)
        for text in found.notes:
            note(console, text)
        console.print(*found.tables)
        paths = [*write_csv(found.rows, folder), folder / "groups.md"]
        write_text(paths[-1], found.page)
        for name, figure in found.figures:
            paths += figures.save(figure, folder, name)
        say(console, f"In {folder}: {' '.join(path.name for path in paths)}")

    tyro.cli(compare_runs)


if __name__ == "__main__":
    entry.run(main)
