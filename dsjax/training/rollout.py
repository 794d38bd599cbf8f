"""Roll out one round of training: controllers and walkers take turns.

A population may be in two groups, as its vector env says: while the walkers of one step, in other threads or processes,
the controllers of the other do. The result is the same, as members do not depend on each other.
"""

from collections.abc import Callable, Sequence
from functools import lru_cache, partial
from typing import Any, TypeAlias

import jax
import numpy as np

from dsjax import population
from dsjax.controller import ControllerParams, ControllerSpec
from dsjax.envs.task import SPEED
from dsjax.envs.vector import GroupedVectorEnv
from dsjax.population import PopulationState
from dsjax.training.episode_stats import EpisodeStats
from dsjax.training.packing import Packed, pack, unpack

# Purpose of these environment seeds, so that no other draws the same.
_TRAINING = 1
_LOG_TICKS = 256  # ticks that are logged before they are counted, all at once


# (tick, state, observation, reward, starts, ends, params) -> (state, action, running); see `training_step`.
Step: TypeAlias = Callable[..., tuple[Packed, jax.Array, jax.Array]]


@lru_cache(maxsize=8)  # trainings of one structure in one process share its programs
def training_step(spec: ControllerSpec) -> Step:
    """Return the step of a population, to be called from the host, as two jitted programs.

    (tick, state, observation, reward, starts, ends, params) -> (state, action (N, 4), running (N,)), with a
    PopulationState and its ControllerParams packed, and tick equal to state.tick: the host decides when periods are
    drawn, see `population.step`. A step consumes the state it is given, writing the new one into its arrays, as making
    new ones costs as much as what it computes: begin with `packed_copy`.
    """

    @partial(jax.jit, donate_argnums=0)
    def draw_periods(state: Packed, params: Packed) -> Packed:
        return pack(population.draw_periods(unpack(state), spec, unpack(params)))

    @partial(jax.jit, donate_argnums=0)
    def advance(state: Packed, seen: jax.Array, params: Packed) -> tuple[Packed, jax.Array, jax.Array]:
        observation, reward, starts, ends = seen[:, :-3], seen[:, -3], seen[:, -2] > 0, seen[:, -1] > 0
        after, action, _ = population.advance(unpack(state), observation, reward, starts, ends, spec, unpack(params))
        return pack(after), action, after.running

    def step(
        tick: int, state: Packed, observation: Any, reward: Any, starts: Any, ends: Any, params: Packed
    ) -> tuple[Packed, jax.Array, jax.Array]:
        if population.draw_due(tick):
            state = draw_periods(state, params)
        columns = [observation, reward[:, None], starts[:, None], ends[:, None]]
        return advance(state, np.concatenate(columns, axis=1, dtype=np.float32, casting="same_kind"), params)

    return step


def packed_copy(state: PopulationState) -> Packed:
    """Return a population, packed, in arrays of its own."""
    return pack(population.copy(state))


def round_seeds(
    seed: int, number: int, members: Sequence[int], active: Sequence[bool] | np.ndarray
) -> list[int | None]:
    """Return the seed of each member's episodes in a round, 63 bits; None, whose env stays idle, for those not active.

    Args:
      seed: of the run.
      number: of the round.
      members: (N,) int, the members' indices in the run.
      active: (N,) bool.
    """

    def one(member: int) -> int:
        sequence = np.random.SeedSequence(seed, spawn_key=(_TRAINING, member, number))
        return int(sequence.generate_state(1, np.uint64)[0] >> np.uint64(1))

    return [one(member) if is_active else None for member, is_active in zip(members, active, strict=True)]


def play(
    step: Step,
    state: PopulationState,
    params: ControllerParams,
    envs: GroupedVectorEnv,
    seeds: Sequence[int | None],
    ticks: int,
    stats: EpisodeStats,
    check: Callable[[int], object] = lambda tick: None,
) -> tuple[PopulationState, int]:
    """Train for one round: `ticks` steps of the vector env, from new episodes on.

    Args:
      step: as from `training_step`.
      state: PopulationState.
      params: ControllerParams with leaves (N,).
      envs: GroupedVectorEnv of N walkers.
      seeds: N seeds of the members' episodes; the env of a member with None stays idle.
      ticks: steps of the vector env.
      stats: EpisodeStats that count them.
      check: called with each tick's number; may raise to give the round up, or return True to end it after this tick.

    Returns:
      (PopulationState, the round's ticks: fewer than asked for if `check` ended it).
    """
    idle = np.array([seed is None for seed in seeds])
    observation, _ = envs.reset(seed=seeds, options={})
    first, log = int(state.tick), _Log(stats, len(seeds))
    turns = [_Turn(step, state, params, envs, number, observation, idle) for number in range(len(envs.groups))]
    stats.begin_round()
    for tick in range(ticks):
        for turn in turns:
            if tick:
                turn.receive(log)
            turn.act(first + tick)
        if tick:
            log.next()
        if check(tick):
            ticks = tick + 1
            break
    for turn in turns:
        turn.receive(log)
        turn.end(first + ticks)
    log.next()
    log.flush()
    # The envs will reuse the arrays they gave: nothing may still be reading them.
    return jax.block_until_ready(population.join([unpack(turn.state) for turn in turns])), ticks


class _Turn:
    """A group's controllers and what they know of their walkers."""

    def __init__(
        self,
        step: Step,
        state: PopulationState,
        params: ControllerParams,
        envs: GroupedVectorEnv,
        number: int,
        observation: np.ndarray,
        idle: np.ndarray,
    ) -> None:
        self._step, self._envs, self._number = step, envs, number
        self._members = envs.groups[number]
        self.state = packed_copy(population.select(state, self._members))
        self._params = pack(jax.tree.map(lambda leaf: leaf[self._members], params))
        self._idle = idle[self._members]
        self._observation, self._reward = observation[self._members], np.zeros(len(self._idle))
        self._starts, self._ends = np.ones(len(self._idle), bool), self._idle

    def act(self, tick: int) -> None:
        """Step the controllers, and send their actions on."""
        self.state, action, running = self._step(
            tick, self.state, self._observation, self._reward, self._starts, self._ends, self._params
        )
        self._envs.send(self._number, np.asarray(action))
        self._idle = self._idle | ~np.asarray(running)

    def receive(self, log: "_Log") -> None:
        """Wait for the walkers, and log their step."""
        self._observation, self._reward, terminated, truncated = self._envs.recv(self._number)
        # In NEXT_STEP mode the call after an episode's end resets: what ended now starts on the next call.
        self._starts, self._ends = self._ends, terminated | truncated | self._idle
        stepped = ~(self._starts | self._idle)
        log.write(self._members, self._reward, terminated, truncated, stepped, self._observation[:, SPEED])

    def end(self, tick: int) -> None:
        """Let the controllers learn from the last reward. The round's end cuts every episode, as a time limit would."""
        over = np.ones(len(self._idle), bool)
        seen = self._observation, self._reward, self._starts, over
        self.state, *_ = self._step(tick, self.state, *seen, self._params)


class _Log:
    """Steps not yet counted, in arrays: counting many at once costs little more than counting one."""

    def __init__(self, stats: EpisodeStats, members: int) -> None:
        self._stats, self._ticks = stats, 0
        shape = _LOG_TICKS, members
        self._columns = (np.zeros(shape), *np.zeros((3, *shape), bool), np.zeros(shape, np.float32))

    def write(self, members: slice, *values: np.ndarray) -> None:
        """Log some members' reward, terminated, truncated, stepped, speed."""
        for column, value in zip(self._columns, values, strict=True):
            column[self._ticks, members] = value

    def next(self) -> None:
        """Go on to the next tick."""
        self._ticks += 1
        if self._ticks == _LOG_TICKS:
            self.flush()

    def flush(self) -> None:
        """Count what is logged."""
        if self._ticks:
            self._stats.observe(*(column[: self._ticks] for column in self._columns))
        self._ticks = 0
