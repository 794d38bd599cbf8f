"""Start a sweep, or go on with it: what its script does."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import tyro

from dsjax import cluster, depot, jobs, local, plan, sweep
from dsjax.config import ConfigError
from dsjax.plan import Plan


@dataclass(frozen=True, kw_only=True)
class SweepCommand:
    """Train many configurations with many seeds; started again, a sweep goes on where it was."""

    sweep: tyro.conf.Positional[Path]
    """TOML file of the sweep."""
    output: str | None = None
    """Folder of the sweep, or any storage that fsspec knows, as s3://bucket/NAME; sweeps/NAME if not given."""
    dry_run: bool = False
    """Show the plan, and how long it would take; train nothing."""
    retries: int = 2
    """How often a job may fail, in all, and still be tried again."""
    shard: str = "0/1"
    """Train every n-th job from the i-th on, as i/n: for as many starts of the same sweep, on one machine or many."""
    engine: Literal["local", "ray"] = "local"
    """Train on this machine, or on a Ray cluster."""
    address: str | None = None
    """Ray's cluster, as auto; Ray on this machine alone if not given."""
    side_by_side: int = 0
    """Jobs at once on this machine; 0 is as many as its cores warrant."""

    @property
    def folder(self) -> Path:
        """Return the sweep's folder, a working copy if its files are kept elsewhere."""
        return depot.working_copy(self.place)

    @property
    def place(self) -> str:
        """Return where the sweep is kept: a folder or a URL."""
        return self.output or str(Path("sweeps") / self.sweep.stem)


def planned(command: SweepCommand) -> Plan:
    """Return what a command is to train; unless it is a dry run, its sweep's folder is made.

    Raises:
      ConfigError: the sweep, or a point of it, cannot be run.
      RunError: the folder holds another sweep.
    """
    if command.retries < 0:
        raise ConfigError(f"--retries {command.retries}: must be at least 0")
    if command.address and command.engine != "ray":
        raise ConfigError(f"--address {command.address}: takes --engine ray")
    asked = sweep.load(command.sweep)
    whole = plan.make(sweep.settled(asked), str(command.sweep)).shard(command.shard)
    if not command.dry_run:
        depot.fetch(command.folder, depot.SWEEP)
        whole = plan.make(sweep.open_folder(asked, command.folder), str(command.sweep)).shard(command.shard)
        depot.push(command.folder, depot.SWEEP)
    return whole


def launch(command: SweepCommand, todo: Plan, tell: Callable[[str], None]) -> None:
    """Train what is not finished, and has not failed too often; `jobs.status` then says what became of each job.

    Raises:
      Interrupted: the sweep was asked to stop.
      RunError: the engine cannot start.
    """
    folder, waiting = command.folder, []
    for job in todo.jobs:
        depot.fetch(folder, job.name, depot.is_status)
        found = jobs.status(job, folder)
        if found["state"] == "finished":
            tell(f"{job.name}: finished before")
        elif jobs.attempts(job, folder) > command.retries:
            tell(f"{job.name}: failed {jobs.attempts(job, folder)} times before; more --retries would try it again")
        else:
            waiting.append(job)
    if waiting and command.engine == "ray":
        cluster.run(waiting, folder, command.retries, tell, command.address)
    elif waiting:
        local.run(waiting, folder, command.retries, tell, command.side_by_side)
