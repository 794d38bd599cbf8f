"""`dsjax sweep`: train many configs with many seeds; started again, a sweep continues where it was."""

import sys
from pathlib import Path
from typing import Literal

import tyro

from dsjax.errors import ConfigError, Interrupted


def main(arguments: list[str], program: str | None = None) -> None:
    """Run the command."""
    tyro.cli(sweep, args=arguments, prog=program)


def sweep(
    sweep: tyro.conf.Positional[Path],
    output: str | None = None,
    dry_run: bool = False,
    retries: int = 2,
    shard: str = "0/1",
    engine: Literal["local", "ray"] = "local",
    address: str | None = None,
    side_by_side: int = 0,
) -> None:
    """Train many configs with many seeds; started again, a sweep continues where it was.

    Args:
        sweep: TOML file of the sweep, or the name of one that ships with dsjax.
        output: Folder of the sweep, or any storage that fsspec knows, as s3://bucket/NAME; sweeps/NAME if not given.
        dry_run: Show the plan, and how long it would take; train nothing.
        retries: How often a job may fail, in all, and still be tried again.
        shard: Train every n-th job from the i-th on, as i/n: for as many starts of the same sweep, on one machine or
            many.
        engine: Train on this machine, or on a Ray cluster.
        address: Ray's cluster, as auto; Ray on this machine alone if not given.
        side_by_side: Jobs at once on this machine; 0 is as many as its cores warrant.
    """
    if retries < 0:
        raise ConfigError(f"--retries {retries}: must be at least 0")
    if address and engine != "ray":
        raise ConfigError(f"--address {address}: takes --engine ray")

    # Imported here because --help needs none of it.
    from rich.console import Console

    from dsjax.cli import entry
    from dsjax.cli.sweep_tables import estimate_line, plan_table, stopped_lines, unfinished_table
    from dsjax.cli.terminal import note, say
    from dsjax.config.shipped import find_sweep
    from dsjax.sweeps.estimate import estimate
    from dsjax.sweeps.launcher import launch, plan_sweep
    from dsjax.sweeps.remote import is_url, working_copy

    console, place = Console(), output or str(Path("sweeps") / sweep.stem)
    plan = plan_sweep(find_sweep(sweep), place, shard, dry_run)
    console.print(plan_table(plan))
    if dry_run:
        say(console, estimate_line(estimate(plan)))
        return
    try:
        launch(plan, place, lambda news: say(console, news), retries, engine, address, side_by_side)
    except Interrupted as interrupted:
        say(console, f"Stopped by {interrupted}. The same command continues.")
        raise
    folder = working_copy(place)
    for line in stopped_lines(plan, folder):
        note(console, line)
    if table := unfinished_table(plan, folder):
        console.print(table)
        sys.exit(1)
    say(console, "Next:", "  " + entry.next_command("compare", place if is_url(place) else Path(place)))
