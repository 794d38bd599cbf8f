"""`dsjax plot`: plot one member's training."""

from pathlib import Path
from typing import Literal

import tyro


def main(arguments: list[str], program: str | None = None) -> None:
    """Run the command."""
    tyro.cli(plot, args=arguments, prog=program)


def plot(
    run: tyro.conf.Positional[Path], member: int = 0, columns: Literal[1, 2] = 2, output: Path | None = None
) -> None:
    """Plot one member's training: returns, lengths, amplitude, sensitivity, drift of the centers.

    Args:
        run: Run folder; the run may be training.
        member: Which member.
        columns: How many columns of a paper the figure is wide: 3.5 or 7 inches.
        output: Folder of the figure; RUN/figures if not given.
    """
    # Imported here because --help needs none of it.
    from dsjax.analysis.members import member_histories
    from dsjax.plotting import style
    from dsjax.plotting.member import progress
    from dsjax.storage.run import check_member, read_run

    found = read_run(run)
    check_member(run, found.config, member)
    figure = progress(member_histories(found)[member], width=style.WIDTHS[columns])
    print(*style.save(figure, output or run / "figures", f"progress-member{member}"), sep="\n")
