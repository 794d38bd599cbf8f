"""The plan of a sweep: its points, and the jobs that share them out.

Points that differ only in hyperparameters train in one compiled program; a different structure starts another job. A
job is a run in a folder of its own.
"""

import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

from dsjax.config import loading
from dsjax.config.schema import HYPERPARAMETERS, Config
from dsjax.errors import ConfigError
from dsjax.machine import cores
from dsjax.sweeps.spec import FILE, Sweep, is_sweep, read_sweep


class Job(NamedTuple):
    """A run of a sweep."""

    name: str  # of its folder
    config: Config
    points: tuple[int, ...]  # whose rows it trains, in order

    def cores(self) -> int:
        """Return the processor cores that it keeps busy."""
        return self.config.environment.workers or cores()

    def on_device(self) -> bool:
        """Return whether it computes on a GPU where there is one, as the JAX walkers do."""
        return self.config.environment.backend == "jax"

    def folder(self, sweep: Path) -> Path:
        """Return its run folder, in the sweep's."""
        return Path(sweep) / "jobs" / self.name


class Plan(NamedTuple):
    """All that a sweep trains."""

    keys: list[str]  # swept
    points: list[dict[str, Any]]  # the values of the swept keys
    jobs: list[Job]
    repeats: int = 0  # samples that are no points, as earlier ones have the same values

    def shard(self, text: str) -> "Plan":
        """Return the plan of every n-th job from the i-th on, of a shard "i/n".

        Raises:
          ConfigError: there is no such shard.
        """
        found = re.fullmatch(r"(\d+)/(\d+)", text)
        first, every = map(int, found.groups()) if found else (0, 0)
        if not first < every:
            raise ConfigError(f"--shard {text}: must be i/n with i from 0 to n - 1, as 0/4")
        return self._replace(jobs=self.jobs[first::every])

    def find(self, point: int, member: int) -> tuple[Job, int]:
        """Return the job and its row of a member at a point.

        Raises:
          ConfigError: there is none.
        """
        if not 0 <= point < len(self.points):
            raise ConfigError(f"--point {point}: points are 0 to {len(self.points) - 1}")
        job = next(job for job in self.jobs if point in job.points)
        if not 0 <= member < job.config.members:
            raise ConfigError(f"--member {member}: members of a point are 0 to {job.config.members - 1}")
        return job, job.points.index(point) * job.config.members + member


def read_plan(folder: Path) -> Plan:
    """Return the plan of a sweep's folder, or raise ConfigError."""
    path = Path(folder) / FILE
    return make_plan(read_sweep(path), str(path))


def run_folders(folders: Sequence[Path]) -> list[Path]:
    """Return run folders as they are, and of a sweep's folder those of its jobs."""
    return [
        run
        for folder in folders
        for run in ([job.folder(folder) for job in read_plan(folder).jobs] if is_sweep(folder) else [folder])
    ]


def make_plan(sweep: Sweep, source: str) -> Plan:
    """Return the plan of a sweep; `source` names it in an error.

    Raises:
      ConfigError: a point cannot be run.
    """
    built = [_config(sweep, values, f"{source}: point {number}") for number, values in enumerate(sweep.points())]
    flat = [loading.flat(config) for config in built]
    alike: dict[tuple, list[int]] = {}
    for number, values in enumerate(flat):
        alike.setdefault(tuple((k, v) for k, v in values.items() if k not in HYPERPARAMETERS), []).append(number)
    most = max(1, sweep.rows // sweep.seeds)
    shares = [same[first : first + most] for same in alike.values() for first in range(0, len(same), most)]
    points = [{key: values[key] for key in sweep.keys} for values in flat]
    numbers = [key for key in sweep.keys if key in HYPERPARAMETERS]
    jobs: list[Job] = []
    for share in shares:
        first = built[share[0]]
        rows = tuple({key: points[point][key] for key in numbers} for point in share)
        config = replace(first, points=rows if len(rows) > 1 else ())
        jobs.append(Job(_name(len(jobs), first, sweep.keys), config, tuple(share)))
    return Plan(sweep.keys, points, jobs, max(0, sweep.samples - len(points)))


def _config(sweep: Sweep, point: dict[str, Any], source: str) -> Config:
    values = loading.merge(sweep.base, {"members": sweep.seeds})
    for key, value in point.items():
        *sections, name = key.split(".")
        nested = {name: value}
        for section in reversed(sections):
            nested = {section: nested}
        values = loading.merge(values, nested)
    return loading.build(values, source)


def _name(number: int, config: Config, keys: Sequence[str]) -> str:
    """Return what to call a job: its number, preset, and what else of its structure is swept."""
    values = loading.flat(config)
    structure = [loading.described(key, values[key]) for key in keys if key not in (*HYPERPARAMETERS, "preset")]
    words = re.sub(r"[^a-z0-9.]+", "-", " ".join([config.preset, *structure]).lower())
    return f"{number:03d}-{words}"
