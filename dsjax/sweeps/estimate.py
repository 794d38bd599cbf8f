"""Estimate how long a sweep will take on this machine, from a short timing of one of its jobs."""

import math
import time
from contextlib import suppress
from itertools import count
from typing import NamedTuple

import numpy as np

from dsjax.config.schema import Config
from dsjax.storage.states import untrained
from dsjax.sweeps.local_engine import slots
from dsjax.sweeps.plan import Plan
from dsjax.training import runtime
from dsjax.training.episode_stats import EpisodeStats
from dsjax.training.rollout import round_seeds
from dsjax.training.runtime import apart
from dsjax.training.walkers import make_walkers

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
    runtime.prepare(config.rows, config.environment)
    params, state, rows, walkers = config.population_params(), untrained(config), config.rows, make_walkers(config)

    def train(clock: _Clock) -> None:
        seeds = round_seeds(config.seed, 0, config.identities(), [True] * rows)
        walkers.play(state, params, seeds, 10**6, EpisodeStats(rows), lambda tick: clock(tick + 1))

    def score(clock: _Clock) -> None:
        steps = count(walkers.look, walkers.look)
        walkers.evaluate(state, params, np.arange(rows), range(100), lambda done: clock(next(steps)))

    rates = []
    for act in (train, score):
        clock = _Clock()
        with suppress(_TimeOver):
            act(clock)
        walkers.close()
        rates.append(rows * clock.rate())
    return rates[0], rates[1]


class _TimeOver(Exception):
    """Enough has been measured."""


class _Clock:
    """Is told how many steps are done, and stops who tells it when its time is over."""

    def __init__(self) -> None:
        self._first, self._steps, self._began, self._ended = 0, 0, 0.0, 0.0

    def __call__(self, steps: int) -> None:
        now = time.perf_counter()
        if steps >= _WARM and not self._first:
            self._first, self._began = steps, now
        self._steps, self._ended = steps, now
        if self._first and steps > self._first and now - self._began > _SECONDS:
            raise _TimeOver

    def rate(self) -> float:
        """Return steps per second."""
        return (self._steps - self._first) / (self._ended - self._began)


def _steps(config: Config) -> int:
    """Return the steps of all rows in training."""
    return config.rows * (config.steps or config.episodes * _LONGEST)


def _evaluated(config: Config) -> int:
    """Return the steps of all rows in evaluations."""
    every = config.evaluation.every * config.round_steps
    times = 1 + math.ceil(_steps(config) / config.rows / every) if every else 0
    return config.rows * times * config.evaluation.episodes * _LONGEST
