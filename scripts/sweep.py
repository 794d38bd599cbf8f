#!/usr/bin/env python
"""Train many configurations with many seeds: python scripts/sweep.py configs/sweeps/NAME.toml --output sweeps/NAME."""

import sys
from pathlib import Path

from dsjax import entry


def main():
    # Imported here because the jobs' processes import this file too, and need none of it; what --help does not, last.
    import tyro

    from dsjax.commands import SweepCommand

    command = tyro.cli(SweepCommand)

    from rich.console import Console

    from dsjax.depot import is_url, working_copy
    from dsjax.errors import Interrupted
    from dsjax.forecast import forecast
    from dsjax.launch import launch, planned
    from dsjax.sweep_tables import forecast_line, plan_table, stopped_lines, unfinished_table
    from dsjax.terminal import note, say

    console, place = Console(), command.place if is_url(command.place) else Path(command.place)
    plan = planned(command)
    console.print(plan_table(plan))
    if command.dry_run:
        say(console, forecast_line(forecast(plan)))
        return
    try:
        launch(command, plan, lambda news: say(console, news))
    except Interrupted as interrupted:
        say(console, f"Stopped by {interrupted}. The same command continues.")
        raise
    folder = working_copy(command.place)
    for line in stopped_lines(plan, folder):
        note(console, line)
    if table := unfinished_table(plan, folder):
        console.print(table)
        sys.exit(1)
    say(console, "Next:", "  " + entry.next_command("compare.py", place))


if __name__ == "__main__":
    entry.run(main)
