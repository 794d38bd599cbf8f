#!/usr/bin/env python
"""Report runs on one HTML page: python scripts/report.py runs/A runs/B."""

from pathlib import Path

from dsjax import entry


def main():
    import tyro

    def report(
        runs: tyro.conf.Positional[tuple[Path, ...]], by: tuple[str, ...] = (), output: Path | None = None
    ) -> None:
        """Write one page with numbers, figures, configs and a film of runs, that opens from a disk without a network.

        Args:
            runs: Run folders.
            by: Config keys, as learning.repulsive: members with the same values make a group. All keys if not given.
            output: HTML file; RUN/report.html of a single run, report.html of several, if not given.
        """
        # Imported here because --help needs none of it.
        from dsjax.comparison import compare
        from dsjax.report import write_report
        from dsjax.runtime import prepare

        prepare()
        comparison = compare(runs, by)
        path = output or (runs[0] if len(runs) == 1 else Path()) / "report.html"
        write_report(comparison, path)
        print(path)

    tyro.cli(report)


if __name__ == "__main__":
    entry.run(main)
