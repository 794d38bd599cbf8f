"""Measure training: its speed beside bare stepping of the same walkers, its memory, and where its time goes.

Three things take turns, several times over, so that a machine's moods meet them all:

    random    bare stepping with random actions, resets included: all walkers at once, on every core
    replay    the same with the actions that training took, on the same terrains: the same physics as training
    training  the whole loop: controllers, learning, counting

training / random is the usual measure. training / replay is what the loop costs: walkers that act at random do other
things than those that learn. Every case runs in a process of its own, from the untrained population.
"""

import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import jax
import numpy as np
import psutil

from dsjax import population
from dsjax.config import loading
from dsjax.envs.make import make_vector
from dsjax.envs.vector import GroupedVectorEnv
from dsjax.storage.states import untrained
from dsjax.training import runtime
from dsjax.training.callbacks import Callback, RunStatus
from dsjax.training.episode_stats import EpisodeStats
from dsjax.training.packing import pack
from dsjax.training.rollout import Step, packed_copy, play, round_seeds, training_step
from dsjax.training.trainer import Trainer

_MEGABYTE = 2**20
_WARM_STEPS = 400  # of the population, before anything is measured


@dataclass(frozen=True)
class Measurement:
    """One backend and size of population."""

    backend: str
    members: int
    random: list[float]  # environment steps/s over the repeats, all members together
    replay: list[float]
    training: list[float]
    shares: dict[str, float]  # [us] of one step of the whole population: "walkers", "controllers", "counting"
    memory: float  # [MB] resident, worker processes included

    def ratio(self, bare: str) -> float:
        """Return the median, over the repeats, of training over "random" or "replay"."""
        return statistics.median(t / b for t, b in zip(self.training, getattr(self, bare), strict=True))


def measure(backend: str, members: int, preset: str, seconds: float, repeats: int) -> Measurement:
    """Return the speeds, shares and memory of one backend and size of population.

    Args:
      backend: one of `envs.make.BACKENDS` but for auto.
      members: size of the population.
      preset: the controller's.
      seconds: about how long each measurement lasts.
      repeats: measurements of each thing.
    """
    runtime.prepare(members)
    settings = loading.build({"preset": preset, "members": members})
    step, params, state = training_step(settings.spec()), settings.population_params(), untrained(settings)
    envs = make_vector(settings.environment.id, members, backend)

    def seeds(number: int) -> list[int | None]:
        return round_seeds(0, number, range(members), [True] * members)

    def train(number: int, ticks: int, step: Step = step, envs: Any = envs) -> None:
        play(step, state, params, envs, seeds(number), ticks, EpisodeStats(members))

    def bare(number: int, actions: np.ndarray) -> None:
        together.reset(seed=seeds(number), options={})
        for action in actions:
            together.step(action)

    train(0, 40)  # compiles
    memory = resident_memory()
    together = envs if len(envs.groups) == 1 else make_vector(settings.environment.id, members, backend, groups=1)
    try:
        short = max(10, _WARM_STEPS // members)
        ticks = max(20, int(seconds / seconds_of(lambda: train(1, short)) * short))
        speeds: dict[str, list[float]] = {"random": [], "replay": [], "training": []}
        rng = np.random.default_rng(0)
        for number in range(2, 2 + repeats):
            at_random = rng.uniform(-1, 1, (ticks, members, 4)).astype(np.float32)
            spent = {"random": seconds_of(partial(bare, number, at_random))}
            spent["training"] = seconds_of(partial(train, number, ticks))
            taken = _actions(train, step, number, ticks, len(envs.groups))
            spent["replay"] = seconds_of(partial(bare, number, taken))
            for name, seconds in spent.items():
                speeds[name].append(ticks * members / seconds)
        return Measurement(backend, members, **speeds, shares=_shares(train, step, envs, ticks), memory=memory)
    finally:
        envs.close()
        together.close()


def step_alone(preset: str, members: int, seconds: float) -> float:
    """Return the time of one step of a population's controllers, draws of periods included [us per member]."""
    runtime.prepare(members)
    settings = loading.build({"preset": preset, "members": members})
    step, params = training_step(settings.spec()), pack(settings.population_params())
    state = packed_copy(untrained(settings))
    observation, reward = np.zeros((members, 24), np.float32), np.zeros(members, np.float32)
    flags, first, times = np.zeros(members, bool), 0, []
    end = time.perf_counter() + seconds
    while time.perf_counter() < end:
        start = time.perf_counter()
        for tick in range(first, first + population.REDRAW_STEPS):
            state, action, _ = step(tick, state, observation, reward, flags, flags, params)
            np.asarray(action)
        times.append((time.perf_counter() - start) / population.REDRAW_STEPS / members)
        first += population.REDRAW_STEPS
    return statistics.median(times[1:] or times) * 1e6


class _Stop(Exception):
    """The first step is done."""


class _FirstStep(Callback):
    def on_step(self, run: RunStatus, tick: int) -> None:
        raise _Stop


def start(members: int = 32) -> None:
    """Print the seconds from this process's start to the first step of a training."""
    runtime.prepare(members)
    settings = loading.build({"members": members, "evaluation": {"every": 0}})
    with tempfile.TemporaryDirectory() as folder:
        try:
            Trainer(settings, Path(folder) / "run", [_FirstStep()]).run()
        except _Stop:
            print(time.time() - psutil.Process().create_time())


def starts() -> tuple[float, float]:
    """Return the seconds from start to first step of a new installation, and of every later training."""
    with tempfile.TemporaryDirectory() as cache:
        variables = os.environ | {"XDG_CACHE_HOME": cache}
        variables.pop("JAX_COMPILATION_CACHE_DIR", None)
        command = [sys.executable, "-c", "from dsjax.training import speed; speed.start()"]
        cold, warm = (
            float(subprocess.run(command, env=variables, capture_output=True, text=True, check=True).stdout)
            for _ in range(2)
        )
    return cold, warm


class _Memory(Callback):
    """Note the memory after every round, and end the run when its time is over."""

    def __init__(self, minutes: float) -> None:
        self.rows: list[tuple[int, int, float]] = []
        self._end = time.monotonic() + 60 * minutes

    def on_round_end(self, run: RunStatus) -> None:
        self.rows.append((int(run.stats.rounds), int(run.stats.steps.sum()), resident_memory()))
        if time.monotonic() > self._end:
            raise _Stop


def soak(minutes: float, members: int = 32) -> list[tuple[int, int, float]]:
    """Train with evaluations and snapshots for a while; return (round, steps of all members, memory [MB]) per round."""
    runtime.prepare(members)
    settings = loading.build({"members": members, "episodes": 0, "steps": 10**9})
    memory = _Memory(minutes)
    with tempfile.TemporaryDirectory() as folder:
        try:
            Trainer(settings, Path(folder) / "run", [memory]).run()
        except _Stop:
            return memory.rows
    raise RuntimeError("the training ended before its time")


def growth(rows: Sequence[tuple[int, int, float]]) -> float:
    """Return how much memory grew per 10 million steps [MB], by least squares over the second half of a soak."""
    later = np.array(rows[len(rows) // 2 :], float)
    return float(np.polyfit(later[:, 1], later[:, 2], 1)[0] * 1e7)


def _actions(train: Callable[..., None], step: Step, number: int, ticks: int, groups: int) -> np.ndarray:
    """Return the actions that training takes, (ticks, members, 4)."""
    taken = []

    def taking(*arguments: Any) -> Any:
        state, action, running = step(*arguments)
        taken.append(action)
        return state, action, running

    train(number, ticks, step=taking)
    parts = [np.array(jax.device_get(taken[group : ticks * groups : groups])) for group in range(groups)]
    return np.concatenate(parts, axis=1)


def _shares(train: Callable[..., None], step: Step, envs: GroupedVectorEnv, ticks: int) -> dict[str, float]:
    """Return what takes a step's time [us]: walkers and waiting for them, calling controllers, and the rest."""
    spent: dict[str, float] = defaultdict(float)

    def timed(name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any, **options: Any) -> Any:
            begun = time.perf_counter()
            result = function(*arguments, **options)
            spent[name] += time.perf_counter() - begun
            return result

        return call

    class Timed:
        groups, reset = envs.groups, staticmethod(timed("walkers", envs.reset))
        send, recv = staticmethod(timed("walkers", envs.send)), staticmethod(timed("walkers", envs.recv))

    def waiting(*arguments: Any) -> Any:
        state, action, running = step(*arguments)
        return state, np.asarray(action), running

    whole = seconds_of(lambda: train(1, ticks, step=timed("controllers", waiting), envs=Timed))
    spent["counting"] = whole - sum(spent.values())
    return {name: seconds / ticks * 1e6 for name, seconds in spent.items()}


def resident_memory() -> float:
    """Return the resident memory of this process and its children [MB]."""
    process = psutil.Process()
    return sum(p.memory_info().rss for p in (process, *process.children(recursive=True))) / _MEGABYTE


def seconds_of(call: Callable[[], Any]) -> float:
    """Return how long a call takes [s]."""
    begun = time.perf_counter()
    call()
    return time.perf_counter() - begun
