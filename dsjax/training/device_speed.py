"""Measure training on the JAX walkers: its speed beside the walkers alone, how long it compiles, and its memory."""

import statistics
from dataclasses import dataclass
from functools import partial

import jax

from dsjax.config import loading
from dsjax.storage.states import untrained
from dsjax.training import device_rollout, devices, runtime
from dsjax.training.episode_stats import EpisodeStats
from dsjax.training.random_walk import random_walk
from dsjax.training.rollout import round_seeds
from dsjax.training.speed import resident_memory, seconds_of

_FEW = 4  # ticks, by which it is told how many fit in a measurement


@dataclass(frozen=True)
class DeviceMeasurement:
    """One size of population on the devices of this machine."""

    members: int
    devices: str  # that share the members, as "2 cpu"
    compiling: float  # [s] of a training's programs, without the cache on disk
    random: list[float]  # environment steps/s of walkers that act at random, over the repeats, all members together
    training: list[float]  # the same of the whole loop: controllers, walkers, learning, counting
    memory: float  # [MB] resident

    def ratio(self) -> float:
        """Return the median, over the repeats, of training over random."""
        return statistics.median(t / r for t, r in zip(self.training, self.random, strict=True))


def measure(members: int, preset: str, seconds: float, repeats: int) -> DeviceMeasurement:
    """Return the speeds, compile time and memory of one size of population; arguments as of `speed.measure`."""
    settings = loading.build({"preset": preset, "members": members, "environment": {"backend": "jax"}})
    runtime.prepare(members, settings.environment)
    jax.config.update("jax_enable_compilation_cache", False)
    spec, params, state = settings.spec(), settings.population_params(), untrained(settings)
    seeds, pace = round_seeds(0, 1, range(members), [True] * members), device_rollout.Pace()

    def train(ticks: int) -> None:
        device_rollout.play(state, spec, params, seeds, ticks, EpisodeStats(members), pace=pace)

    first, again = seconds_of(partial(train, 1)), seconds_of(partial(train, 1))
    random = random_walk(members)
    random(1)
    speeds: dict[str, list[float]] = {"random": [], "training": []}
    for walk, name in ((random, "random"), (train, "training")):
        ticks = max(_FEW, int(seconds / seconds_of(partial(walk, _FEW)) * _FEW))
        speeds[name] = [ticks * members / seconds_of(partial(walk, ticks)) for _ in range(repeats)]
    on = devices.mesh(members)
    where = f"{on.size} {on.devices.flat[0].platform}"
    return DeviceMeasurement(members, where, first - again, **speeds, memory=resident_memory())
