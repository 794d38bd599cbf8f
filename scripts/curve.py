#!/usr/bin/env python
"""Show how a run's frozen centers came along: python scripts/curve.py runs/NAME."""


def main():
    from pathlib import Path

    import tyro
    from rich.console import Console

    from dsjax.command import errors_in_one_line
    from dsjax.tables import curve_table

    def curve(run: tyro.conf.Positional[Path]) -> None:
        """Show how the frozen centers of a run's members came along, evaluation by evaluation.

        Args:
            run: Run folder.
        """
        with errors_in_one_line():
            Console().print(curve_table(run))

    tyro.cli(curve)


if __name__ == "__main__":
    main()
