#!/usr/bin/env python
"""Show how a run's frozen centers developed: python scripts/curve.py runs/NAME."""

from pathlib import Path

from dsjax import entry


def main():
    import tyro

    def curve(run: tyro.conf.Positional[Path]) -> None:
        """Show how the frozen centers of a run's members developed, evaluation by evaluation.

        Args:
            run: Run folder.
        """
        # Imported here because --help needs none of it.
        from rich.console import Console

        from dsjax.tables import curve_table

        Console().print(curve_table(run))

    tyro.cli(curve)


if __name__ == "__main__":
    entry.run(main)
