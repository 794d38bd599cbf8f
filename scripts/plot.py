#!/usr/bin/env python
"""Plot one member's training: python scripts/plot.py runs/NAME --member 3."""

from pathlib import Path

from dsjax import entry


def main():
    import tyro

    def plot(run: tyro.conf.Positional[Path], member: int = 0, output: Path | None = None) -> None:
        """Plot one member's training: returns, lengths, amplitude, sensitivity, drift of the centers.

        Args:
            run: Run folder; the run may be training.
            member: Which member.
            output: Folder of the figure; RUN/figures if not given.
        """
        # Imported here because --help needs none of it.
        from dsjax import figures, plots, runs
        from dsjax.histories import histories

        found = runs.load(run)
        runs.check_member(run, found.config, member)
        figure = plots.progress(histories(found)[member])
        print(*figures.save(figure, output or run / "figures", f"progress-member{member}"), sep="\n")

    tyro.cli(plot)


if __name__ == "__main__":
    entry.run(main)
