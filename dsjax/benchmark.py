"""How fast training is, beside bare stepping of the same envs.

Three things take turns, several times over, in one process on one vector env, so that a machine's moods meet them all:

    random    bare stepping with random actions, resets included
    replay    bare stepping with the actions that training took, on the same terrains: the same physics as training
    training  the whole loop: controllers, learning, counting

training / random is the usual measure. training / replay is what the loop costs: walkers that act at random fall more
often than those that learn, and resets are expensive.
"""

import statistics
import time
from dataclasses import dataclass
from typing import Literal

import jax.numpy as jnp
import numpy as np
from rich.table import Table

from dsjax import config, population, rounds
from dsjax.display import plain_table
from dsjax.environment import cores, make_vector
from dsjax.tally import Tally
from dsjax.training import untrained


@dataclass(frozen=True, kw_only=True)
class BenchmarkCommand:
    """Measure environment steps per second of bare stepping and of training, side by side."""

    members: tuple[int, ...] = (1, 8, 32)
    """Sizes of population."""
    backends: tuple[Literal["auto", "sync", "async"], ...] = ("auto",)
    """Backends of the environment."""
    preset: str = "iros2018"
    """Controller."""
    seconds: float = 4.0
    """About how long each measurement lasts."""
    repeats: int = 5
    """Measurements of each thing; their medians are shown."""


@dataclass(frozen=True)
class Measurement:
    """Environment steps per second over the repeats, all members together."""

    backend: str
    members: int
    random: list[float]
    replay: list[float]
    training: list[float]


def measure(command: BenchmarkCommand, backend: str, members: int) -> Measurement:
    """Return the speeds of one backend and size of population."""
    settings = config.build({"preset": command.preset, "members": members})
    envs = make_vector(settings.environment.id, members, backend)
    try:
        params = population.share(settings.params(), members)
        jitted = rounds.training_step(settings.spec())
        state, taken = untrained(settings), []

        def step(state, *seen):
            state, action = jitted(state, *seen, params)
            taken.append(action)
            return state, action

        def train(number, ticks):
            nonlocal state
            taken.clear()
            seeds = rounds.round_seeds(0, number, [True] * members)
            state = rounds.play(step, state, envs, seeds, ticks, Tally(members))

        def bare(number, actions):
            envs.reset(seed=rounds.round_seeds(0, number, [True] * members), options={})
            for action in actions:
                envs.step(action)

        train(0, 20)  # compiles
        ticks = max(20, int(command.seconds / _seconds(lambda: train(1, 40)) * 40))
        speeds: dict[str, list[float]] = {"random": [], "replay": [], "training": []}
        rng = np.random.default_rng(0)
        for number in range(2, 2 + command.repeats):
            at_random = rng.uniform(-1, 1, (ticks, members, 4)).astype(np.float32)
            spent = {"random": _seconds(lambda n=number, a=at_random: bare(n, a))}
            spent["training"] = _seconds(lambda n=number: train(n, ticks))
            replayed = np.asarray(jnp.stack(taken[:ticks]))
            spent["replay"] = _seconds(lambda n=number, a=replayed: bare(n, a))
            for name, seconds in spent.items():
                speeds[name].append(ticks * members / seconds)
        return Measurement(backend, members, **speeds)
    finally:
        envs.close()


def benchmark_table(command: BenchmarkCommand, measured: list[Measurement]) -> Table:
    """Return the table of all measurements: medians, and medians of the ratios repeat by repeat."""
    table = plain_table(f"environment steps/s, {command.preset}, {cores()} cores, medians of {command.repeats}")
    for name in ("members", "backend", "random", "replay", "training", "training\n/random", "training\n/replay"):
        table.add_column(name, justify="right")
    for m in measured:
        speeds = (statistics.median(values) for values in (m.random, m.replay, m.training))
        ratios = (
            statistics.median(t / b for t, b in zip(m.training, bare, strict=True)) for bare in (m.random, m.replay)
        )
        table.add_row(str(m.members), m.backend, *(f"{s:,.0f}" for s in speeds), *(f"{r:.2f}" for r in ratios))
    return table


def _seconds(call):
    start = time.perf_counter()
    call()
    return time.perf_counter() - start
