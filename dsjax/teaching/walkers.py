"""One of gymnasium's walkers whose controller learns from what a teacher gives: a person, or the record of one."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, Protocol

import numpy as np

from dsjax.config.schema import Config
from dsjax.controller import ControllerParams
from dsjax.envs.vector import LocalVectorEnv
from dsjax.population import PopulationState
from dsjax.training import rollout
from dsjax.training.episode_stats import EpisodeStats
from dsjax.training.packing import Packed, unpack
from dsjax.training.walkers import HostWalkers


class Gift(NamedTuple):
    """What a teacher gives for one step."""

    given: float  # reward
    with_task: bool  # whether it is added to the task's reward, or replaces it

    def of(self, task: float) -> float:
        """Return the reward that the controller learns from, given the task's."""
        return self.given + task if self.with_task else self.given


class Moment(NamedTuple):
    """What there is to see after a step."""

    walker: Any  # gymnasium's BipedalWalker
    state: PopulationState  # of the one member
    params: ControllerParams
    begins: bool  # an episode has just begun: there is no reward yet
    task: float  # the task's reward for the last step
    gift: Gift


class Teacher(Protocol):
    """Who gives rewards, and decides when a round ends."""

    @property
    def over(self) -> bool:
        """Whether no further round is to begin."""
        return False

    def begin_round(self, number: int) -> None:
        """Called before the first step of a round."""

    def give(self) -> Gift:
        """Return what to give for the last step."""

    def see(self, moment: Moment) -> None:
        """Called after every step of the controller."""

    def done(self) -> bool:
        """Called after every step of the walker; may wait. Return whether the round ends here."""


class TaughtWalkers(HostWalkers):
    """A walker to train on, whose rewards a teacher gives; it counts the task's own."""

    def __init__(self, config: Config, teacher: Teacher) -> None:
        """Prepare the walker of a run of one member on the sync backend."""
        super().__init__(config)
        self._teacher = teacher
        self._gifts: list[Gift] = []

    def training(self) -> LocalVectorEnv:
        """Return the vector env of the one walker."""
        envs = super().training()
        assert isinstance(envs, LocalVectorEnv)  # as the config has the sync backend
        return envs

    def play(
        self, state: PopulationState, params: ControllerParams, seeds: Sequence[int | None], ticks: int,
        stats: EpisodeStats, check: Callable[[int], object],
    ) -> tuple[PopulationState, int]:  # fmt: skip
        """Train for one round, until the teacher ends it; see `rollout.play`."""
        teacher, walker, first = self._teacher, self.training().walker(0), int(state.tick)
        self._gifts = []
        teacher.begin_round(int(stats.rounds) + 1)

        def step(
            tick: int, state: Packed, observation: Any, reward: Any, starts: Any, ends: Any, packed_params: Packed
        ) -> tuple[Packed, Any, Any]:
            gift, task = Gift(0.0, False), float(reward[0])
            if tick > first:
                gift = teacher.give()
                self._gifts.append(gift)
            given = np.array([gift.of(task)])
            state, action, running = self._step(tick, state, observation, given, starts, ends, packed_params)
            teacher.see(Moment(walker, unpack(state), params, bool(starts[0]), task, gift))
            return state, action, running

        def ends_round(tick: int) -> bool:
            check(tick)
            return teacher.done()

        return rollout.play(step, state, params, self.training(), seeds, ticks, stats, ends_round)

    def tables(self, number: int) -> dict[str, dict[str, Any]]:
        """Return the record of what the teacher gave in the round, as columns of `lessons`."""
        given, with_task = zip(*self._gifts, strict=True)
        ticks = len(self._gifts)
        return {
            "lessons": {"round": [number] * ticks, "tick": range(ticks), "given": given, "with_task": with_task},
        }
