"""`dsjax curve`: show how a run's frozen centers developed."""

from pathlib import Path

import tyro


def main(arguments: list[str], program: str | None = None) -> None:
    """Run the command."""
    tyro.cli(curve, args=arguments, prog=program)


def curve(run: tyro.conf.Positional[Path]) -> None:
    """Show how the frozen centers of a run's members developed, evaluation by evaluation.

    Args:
        run: Run folder.
    """
    # Imported here because --help needs none of it.
    from rich.console import Console

    from dsjax.cli.tables import curve_table

    Console().print(curve_table(run))
