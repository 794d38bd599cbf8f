"""Estimate how long a sweep will take on this machine, from a short timing of one of its jobs."""

import math
import time
from contextlib import suppress
from typing import NamedTuple

from dsjax.config.schema import Config
from dsjax.envs.make import choose, make_vector
from dsjax.envs.vector import GroupedVectorEnv
from dsjax.evaluation.evaluate import evaluate
from dsjax.storage.states import untrained
from dsjax.sweeps.local_engine import slots
from dsjax.sweeps.plan import Plan
from dsjax.training import runtime
from dsjax.training.episode_stats import EpisodeStats
from dsjax.training.rollout import play, round_seeds, training_step
from dsjax.training.runtime import apart

_LONGEST = 1600  # environment steps of an episode, after which gymnasium ends it
_SECONDS = 3.0  # of each measurement
_WARM = 50  # steps before it


class Estimate(NamedTuple):
    """What a sweep will take, if its walkers walk to the end of every episode that is evaluated."""

    hours: float
    side_by_side: int  # jobs
    training: float  # environment steps/s of one job
    evaluation: float


def estimate(plan: Plan) -> Estimate:
    """Return what a plan will take here."""
    training, evaluation = apart(speeds, plan.jobs[0].config)
    hours = [_steps(job.config) / training / 3600 + _evaluated(job.config) / evaluation / 3600 for job in plan.jobs]
    beside = slots(plan.jobs)
    return Estimate(max(sum(hours) / beside, *hours), beside, training, evaluation)


def speeds(config: Config) -> tuple[float, float]:
    """Return the environment steps/s of a run's training and of its evaluations, all rows together."""
    runtime.prepare(config.rows)
    spec, params, state, rows = config.spec(), config.population_params(), untrained(config), config.rows
    workers = config.environment.workers or None

    def train(envs: GroupedVectorEnv, check: _Clock) -> None:
        seeds = round_seeds(config.seed, 0, config.identities(), [True] * rows)
        play(training_step(spec), state, params, envs, seeds, 10**6, EpisodeStats(rows), check)

    def score(envs: GroupedVectorEnv, check: _Clock) -> None:
        evaluate(envs, state, spec, params, range(rows), range(100), check=check)

    held_out = choose("auto", rows, workers, gymnasium_only=True)
    rates = []
    for backend, act in ((config.environment.backend, train), (held_out, score)):
        envs, clock = make_vector(config.environment.id, rows, backend, workers), _Clock()
        with suppress(_TimeOver):
            act(envs, clock)
        envs.close()
        rates.append(rows * clock.rate())
    return rates[0], rates[1]


class _TimeOver(Exception):
    """Enough has been measured."""


class _Clock:
    """Counts calls, and stops what calls it when its time is over."""

    def __init__(self) -> None:
        self._calls, self._began = 0, 0.0

    def __call__(self, done: float = 0) -> None:
        self._calls += 1
        if self._calls == _WARM:
            self._began = time.perf_counter()
        if self._calls > _WARM and time.perf_counter() - self._began > _SECONDS:
            raise _TimeOver

    def rate(self) -> float:
        """Return calls per second."""
        return (self._calls - _WARM) / (time.perf_counter() - self._began)


def _steps(config: Config) -> int:
    """Return the steps of all rows in training."""
    return config.rows * (config.steps or config.episodes * _LONGEST)


def _evaluated(config: Config) -> int:
    """Return the steps of all rows in evaluations."""
    every = config.evaluation.every * config.round_steps
    times = 1 + math.ceil(_steps(config) / config.rows / every) if every else 0
    return config.rows * times * config.evaluation.episodes * _LONGEST
