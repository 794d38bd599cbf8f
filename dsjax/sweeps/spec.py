"""The file of a sweep: a base, the values to try, and how many members to try each with.

    seeds = 8                                            # members per point
    config = "../iros2018.toml"                          # the base, beside this file; [base] states changes to it
    [base]                                               # as in a config
    [grid]                                               # every combination is a point; or
    learning.learning_rate = [1e-5, 1e-4]
    [together]                                           # all first values are a point, all second ones, ...; or
    learning.learning_rate = [1e-5, 1e-4]
    synapse.period = [20000.0, 60000.0]
    [random]                                             # `samples` points, drawn by log_uniform, uniform or choice
    learning.learning_rate.log_uniform = [1e-6, 1e-3]

Everything follows from the file alone: the same file gives the same points, and `samples` can grow.
"""

import itertools
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import tomli_w
from pydantic import ConfigDict, TypeAdapter, ValidationError

from dsjax.config import loading
from dsjax.config.schema import Count, Limit
from dsjax.envs.make import choose
from dsjax.errors import ConfigError, RunError
from dsjax.storage.atomic import names_in, write_text

FILE = "sweep.toml"  # in a sweep's folder: the sweep, with its base
_KINDS = ("uniform", "log_uniform", "choice")
_REFUSED = {
    "members": "seeds says how many",
    "points": "the grid or the random sample makes them",
    "first_member": "every point has the same members",
    "seed": "every point has the same members",
    "parent": "a sweep's members begin untrained",
    "selection": "a point's members are compared as independent ones",
    "environment.backend": "a sweep has one physics",
    "environment.workers": "it does not change what is learned",
}


@dataclass(frozen=True, kw_only=True)
class Sweep:
    """A sweep, checked but for the values that it tries."""

    __pydantic_config__ = ConfigDict(extra="forbid")
    seeds: Count = 8  # members per point
    rows: Count = 32  # of a job: points of one structure beyond these make another job, but no point is split
    samples: Limit = 0  # points of a random sweep
    sample_seed: Limit = 0  # another one draws other points
    base: dict[str, Any] = field(default_factory=dict)  # nested, as in a config
    grid: dict[str, list[Any]] = field(default_factory=dict)  # values by "section.key"
    together: dict[str, list[Any]] = field(default_factory=dict)  # likewise
    random: dict[str, dict[str, list[Any]]] = field(default_factory=dict)  # {kind: bounds or choices} likewise

    @property
    def keys(self) -> list[str]:
        """The swept keys, in the file's order."""
        return [*self.grid, *self.together, *self.random]

    def points(self) -> list[dict[str, Any]]:
        """Return the values of the swept keys at every point; in a grid, the last key varies fastest.

        A sample that repeats an earlier one is no other point.
        """
        if not self.random:
            rows = itertools.product(*self.grid.values()) if self.grid else zip(*self.together.values(), strict=True)
            return [dict(zip(self.keys, values, strict=True)) for values in rows]
        drawn = [
            {key: _draw(key, how, self.sample_seed, sample) for key, how in self.random.items()}
            for sample in range(self.samples)
        ]
        return list({repr(point): point for point in drawn}.values())


def read_sweep(path: Path) -> Sweep:
    """Return the sweep of a TOML file.

    Raises:
      ConfigError: there is no such file, or it asks for what is no sweep.
    """
    values = loading.read_toml(path)
    base = loading.merge({"environment": {"workers": 1}}, values.pop("base", {}))
    if isinstance(name := values.pop("config", None), str):
        stated = loading.read_toml(Path(path).parent / name)
        stated.pop("members", None)  # of a run by itself; here seeds says how many
        base = loading.merge(stated, base)
    values |= {"base": base} | {name: loading.flatten(values.get(name, {})) for name in ("grid", "together")}
    random: dict[str, dict[str, Any]] = {}
    for name, drawn in loading.flatten(values.get("random", {})).items():
        key, _, kind = name.rpartition(".")
        random.setdefault(key, {})[kind] = drawn
    try:
        sweep = TypeAdapter(Sweep).validate_python(values | {"random": random})
    except ValidationError as error:
        lines = (f"{path}: {loading.explain(mistake, Sweep)}" for mistake in error.errors())
        raise ConfigError("\n".join(lines)) from None
    for complaint in _complaints(sweep):
        raise ConfigError(f"{path}: {complaint}")
    return sweep


def settled(sweep: Sweep, backend: str = "auto") -> Sweep:
    """Return the sweep with a backend in place of "auto": all its jobs have one physics, wherever they run.

    Raises:
      RunError: the backend is not there.
    """
    stated = sweep.base["environment"].get("backend", "auto")
    try:
        backend = choose(backend if stated == "auto" else stated, sweep.seeds, sweep.base["environment"]["workers"])
    except ValueError as error:
        raise RunError(str(error)) from None
    return replace(sweep, base=loading.merge(sweep.base, {"environment": {"backend": backend}}))


def open_folder(sweep: Sweep, folder: Path) -> Sweep:
    """Make a sweep's folder, or continue the same sweep in it; return the sweep, settled.

    Raises:
      RunError: another sweep, or something else, is there.
    """
    folder = Path(folder)
    there = names_in(folder)
    if there and FILE not in there:
        raise RunError(f"{folder} exists and holds no sweep; choose another --output")
    if not there:
        folder.mkdir(parents=True, exist_ok=True)
        write_text(folder / FILE, tomli_w.dumps(vars(settled(sweep))))  # shards may start at once
    stored = read_sweep(folder / FILE)
    sweep = settled(sweep, stored.base["environment"]["backend"])
    old, new = (loading.flatten(vars(each)) for each in (stored, sweep))
    if changed := [key for key in old | new if old.get(key) != new.get(key)]:
        listing = ", ".join(f"{key} ({old.get(key)!r} there, {new.get(key)!r} here)" for key in changed)
        raise RunError(f"{folder} was started with another sweep: {listing}; choose another --output")
    return stored


def is_sweep(folder: Path) -> bool:
    """Return whether a folder is a sweep's."""
    return (Path(folder) / FILE).exists()


def _draw(key: str, how: dict[str, list[Any]], seed: int, sample: int) -> Any:
    """Return a key's value at a sample: from a hash, so that no other key, nor the number of samples, changes it."""
    [(kind, values)] = how.items()
    sequence = np.random.SeedSequence(seed, spawn_key=(sample, zlib.crc32(key.encode())))
    share = int(sequence.generate_state(1, np.uint64)[0]) / 2**64
    if kind == "choice":
        return values[int(share * len(values))]
    low, high = values
    # Four digits tell samples apart, and can be read and typed again.
    return float(f"{low + share * (high - low) if kind == 'uniform' else low * (high / low) ** share:.4g}")


def _complaints(sweep: Sweep) -> Iterator[str]:
    """Yield a line on each thing that makes it no sweep."""
    if sum(map(bool, (sweep.grid, sweep.together, sweep.random))) != 1:
        yield "a sweep has one table of keys to vary: [grid], [together] or [random]"
    if bool(sweep.samples) != bool(sweep.random):
        yield f"samples = {sweep.samples}: a random sweep needs at least 1, others have none"
    stated = loading.flatten(sweep.base)
    known = loading.flat(loading.build({}))
    for key in sweep.keys:
        if reason := _REFUSED.get(key) or _REFUSED.get(key.split(".")[0]):
            yield f"{key} cannot be swept: {reason}"
        elif key not in known:
            yield loading.unknown_key(key)
    yield from (f"base: {key}: {reason}" for key, reason in _REFUSED.items() if key in stated and key == "members")
    if stated.get("selection.every"):
        yield f"base: selection.every = {stated['selection.every']}: {_REFUSED['selection']}"
    if "preset" in sweep.keys and "preset" in stated:
        yield f"preset = {stated['preset']!r} in the base, where it is swept: its numbers would hold for every preset"
    for key, values in sweep.grid.items():
        if not values or any(value in values[:place] for place, value in enumerate(values)):
            yield f"grid: {key} = {values}: there must be values, each of them once"
    counts = {key: len(values) for key, values in sweep.together.items()}
    if len(set(counts.values())) > 1:
        yield f"together: {', '.join(f'{key} has {n}' for key, n in counts.items())} values; give as many of each"
    elif sweep.together and any(point in sweep.points()[:place] for place, point in enumerate(sweep.points())):
        yield "together: two points have the same values; each point must be there once"
    if 0 in counts.values():
        yield f"together: {', '.join(key for key, count in counts.items() if not count)}: there must be values"
    for key, how in sweep.random.items():
        yield from (f"random: {key}: {complaint}" for complaint in _range_complaints(how))


def _range_complaints(how: dict[str, list[Any]]) -> Iterator[str]:
    [(kind, values), *more] = how.items()
    if kind not in _KINDS or more:
        yield f"{', '.join(how)}: must be one of {', '.join(_KINDS)}"
    elif kind == "choice":
        if not values:
            yield "choice = []: there must be values"
    elif len(values) != 2 or not all(type(value) in (int, float) for value in values) or values[0] >= values[1]:
        yield f"{kind} = {values}: must be two numbers, the lower one first"
    elif kind == "log_uniform" and values[0] <= 0:
        yield f"log_uniform = {values}: must be positive"
