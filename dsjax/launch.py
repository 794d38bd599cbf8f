"""Start a sweep, or go on with it: what its script does."""

from collections.abc import Callable

from dsjax import cluster, depot, jobs, local, plan, sweep
from dsjax.commands import SweepCommand
from dsjax.errors import ConfigError
from dsjax.plan import Plan


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
    asked, folder = sweep.load(command.sweep), depot.working_copy(command.place)
    whole = plan.make(sweep.settled(asked), str(command.sweep)).shard(command.shard)
    if not command.dry_run:
        depot.fetch(folder, depot.SWEEP)
        whole = plan.make(sweep.open_folder(asked, folder), str(command.sweep)).shard(command.shard)
        depot.push(folder, depot.SWEEP)
    return whole


def launch(command: SweepCommand, todo: Plan, tell: Callable[[str], None]) -> None:
    """Train what is not finished, and has not failed too often; `jobs.status` then says what became of each job.

    Raises:
      Interrupted: the sweep was asked to stop.
      RunError: the engine cannot start.
    """
    folder, waiting = depot.working_copy(command.place), []
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
