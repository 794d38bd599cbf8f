#!/usr/bin/env python
"""Plot one member's training: python scripts/plot.py runs/NAME --member 3."""


def main():
    from pathlib import Path

    import tyro

    from dsjax import figures, plots, runs
    from dsjax.command import errors_in_one_line
    from dsjax.histories import histories

    def plot(run: tyro.conf.Positional[Path], member: int = 0, output: Path | None = None) -> None:
        """Plot one member's training: returns, lengths, amplitude, sensitivity, drift of the centers.

        Args:
            run: Run folder; the run may still be going on.
            member: Which member.
            output: Folder of the figure; RUN/figures if not given.
        """
        with errors_in_one_line():
            found = runs.load(run)
            runs.check_member(run, found.config, member)
            figure = plots.progress(histories(found)[member])
            print(*figures.save(figure, output or run / "figures", f"progress-member{member}"), sep="\n")

    tyro.cli(plot)


if __name__ == "__main__":
    main()
