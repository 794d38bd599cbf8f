"""Plan a sweep, and launch or resume it."""

from collections.abc import Callable
from pathlib import Path

from dsjax.sweeps import jobs, local_engine, ray_engine, remote
from dsjax.sweeps.plan import Plan, make_plan
from dsjax.sweeps.spec import open_folder, read_sweep, settled


def plan_sweep(file: Path, place: str, shard: str = "0/1", dry_run: bool = False) -> Plan:
    """Return what is to be trained of a sweep; unless it is a dry run, its folder is made.

    Args:
      file: the sweep's TOML file.
      place: where to keep the sweep: a folder or a URL.
      shard: "i/n": every n-th job from the i-th on.
      dry_run: only plan.

    Raises:
      ConfigError: the sweep, or a point of it, cannot be run.
      RunError: the folder holds another sweep.
    """
    asked, folder = read_sweep(file), remote.working_copy(place)
    whole = make_plan(settled(asked), str(file)).shard(shard)
    if not dry_run:
        remote.fetch(folder, remote.SWEEP)
        whole = make_plan(open_folder(asked, folder), str(file)).shard(shard)
        remote.push(folder, remote.SWEEP)
    return whole


def launch(
    plan: Plan, place: str, tell: Callable[[str], None], retries: int = 2, engine: str = "local",
    address: str | None = None, side_by_side: int = 0,
) -> None:  # fmt: skip
    """Train what is not finished, and has not failed too often; `jobs.status` then says what became of each job.

    Args:
      plan: what to train.
      place: where the sweep is kept: a folder or a URL.
      tell: called with each line of news.
      retries: how often a job may fail, in all, and still be tried again.
      engine: "local" or "ray".
      address: of Ray's cluster.
      side_by_side: jobs at once on this machine; 0 is as many as its cores warrant.

    Raises:
      Interrupted: the sweep was asked to stop.
      RunError: the engine cannot start.
    """
    folder, waiting = remote.working_copy(place), []
    for job in plan.jobs:
        remote.fetch(folder, job.name, remote.is_status)
        found = jobs.status(job, folder)
        if found["state"] == "finished":
            tell(f"{job.name}: finished before")
        elif jobs.attempts(job, folder) > retries:
            tell(f"{job.name}: failed {jobs.attempts(job, folder)} times before; more --retries would try it again")
        else:
            waiting.append(job)
    if waiting and engine == "ray":
        ray_engine.run(waiting, folder, retries, tell, address)
    elif waiting:
        local_engine.run(waiting, folder, retries, tell, side_by_side)
