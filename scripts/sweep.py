#!/usr/bin/env python
"""Train many configurations with many seeds: python scripts/sweep.py configs/sweeps/NAME.toml --output sweeps/NAME."""

import sys


def main():
    # Imported here because the jobs' processes import this file too, and need none of it.
    import tyro
    from rich.console import Console

    from dsjax.command import errors_in_one_line
    from dsjax.forecast import forecast
    from dsjax.launch import SweepCommand, launch, planned
    from dsjax.sweep_tables import forecast_line, plan_table, stopped_lines, unfinished_table
    from dsjax.training import Interrupted

    command, console = tyro.cli(SweepCommand), Console()
    with errors_in_one_line():
        plan = planned(command)
        console.print(plan_table(plan))
        if command.dry_run:
            console.print(forecast_line(forecast(plan)))
            return
        try:
            launch(command, plan, lambda news: console.print(news, soft_wrap=True, highlight=False))
        except Interrupted as interrupted:
            console.print(f"Stopped by {interrupted}. The same command goes on.")
            sys.exit(130)
        for line in stopped_lines(plan, command.folder):
            console.print(f"[yellow]note:[/] {line}", soft_wrap=True)
        if table := unfinished_table(plan, command.folder):
            console.print(table)
            sys.exit(1)
        console.print(f"Next:\n  python scripts/compare.py {command.place}", soft_wrap=True)


if __name__ == "__main__":
    main()
