"""Roll out one round of training on the device: controllers and the JAX walkers in one compiled program.

The order of events is that of `rollout.play`. The program runs a chunk of ticks, as many as it is told, so that one
program serves rounds of every length. The host counts what a chunk logged while the next one runs.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache, partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from dsjax import population
from dsjax.controller import ACTIONS, ControllerParams, ControllerSpec
from dsjax.envs.task import SPEED
from dsjax.population import PopulationState
from dsjax.shapes import Array, Bool, Float
from dsjax.training import devices
from dsjax.training.devices import MEMBERS, POPULATION, P
from dsjax.training.episode_stats import EpisodeStats
from dsjax.walker import episodes as walks
from dsjax.walker.episodes import Episodes, key_data

CHUNK_TICKS = 256  # at most; a log of so many ticks of 4,096 members is 11 MB
_SECONDS = 0.5  # that a chunk is to take, by which signals and progress wait for it


class Round(NamedTuple):
    """What one tick of N members hands to the next. Outside the program, the walkers' leaves have members first too."""

    state: PopulationState
    episodes: Episodes
    action: Float[Array, "n 4"]
    ends: Bool[Array, " n"]  # as the controllers were told last: the walkers' next step resets
    idle: Bool[Array, " n"]  # whose walker does not count: not active in this round, or stopped


class Log(NamedTuple):
    """What T ticks of N members brought: the arguments of `EpisodeStats.observe`."""

    reward: Float[Array, "t n"]
    terminated: Bool[Array, "t n"]
    truncated: Bool[Array, "t n"]
    stepped: Bool[Array, "t n"]
    speed: Float[Array, "t n"]


class Programs(NamedTuple):
    """The compiled programs of a structure and a size of population. Only `chunk` has the physics."""

    begin: Callable[..., Round]  # (state, keys (N, 2), idle (N,)) -> Round
    chunk: Callable[..., tuple[Round, Log]]  # (ticks, last, round, params) -> (round, log); consumes the round


_ROUND: Any = Round(POPULATION, *(4 * (MEMBERS,)))  # type: ignore[arg-type]


@lru_cache(maxsize=8)  # trainings of one structure in one process share its programs
def programs(spec: ControllerSpec, members: int, hardcore: bool) -> Programs:
    """Return the programs for controllers of a structure, which spread so many members over the devices."""
    on = devices.mesh(members)

    def chunk(ticks: Array, last: Array, round: Round, params: ControllerParams) -> tuple[Round, Log]:
        round = round._replace(episodes=devices.members_last(round.episodes))
        shape = CHUNK_TICKS, len(round.idle)
        numbers, flags = jnp.zeros(shape, jnp.float32), jnp.zeros(shape, bool)
        log = Log(numbers, flags, flags, flags, numbers)

        def one(number: Array, carry: tuple[Round, Log]) -> tuple[Round, Log]:
            round, log = carry
            round, row = tick(round, number == last, spec, params)
            put = jax.lax.dynamic_update_index_in_dim
            return round, jax.tree.map(lambda column, value: put(column, value, number, 0), log, row)

        round, log = jax.lax.fori_loop(0, ticks, one, (round, log))
        return round._replace(episodes=devices.members_first(round.episodes)), log

    return Programs(
        devices.over_members(partial(_begin, hardcore=hardcore), on, (POPULATION, MEMBERS, MEMBERS), _ROUND),
        devices.over_members(chunk, on, (P(), P(), _ROUND, MEMBERS), (_ROUND, P(None, "members")), donate=[2]),
    )


def tick(round: Round, last: Array, spec: ControllerSpec, params: ControllerParams) -> tuple[Round, Log]:
    """Step every walker and then every controller once.

    Args:
      round: Round.
      last: () bool, the round ends here, which cuts every episode, as a time limit would: the controllers learn from
        the last reward.
      spec: ControllerSpec.
      params: ControllerParams with leaves (N,).

    Returns:
      (Round, Log with leaves (N,)).
    """
    episodes, observation, reward, terminated, truncated = walks.step(round.episodes, round.action)
    # In NEXT_STEP mode the call after an episode's end resets: what had ended has now started.
    starts, ends = round.ends, terminated | truncated | round.idle
    row = Log(reward, terminated, truncated, ~(starts | round.idle), observation[:, SPEED])
    state, action, _ = population.step(round.state, observation, reward, starts, ends | last, spec, params)
    return Round(state, episodes, action, ends, round.idle | ~state.running), row


def play(
    state: PopulationState,
    spec: ControllerSpec,
    params: ControllerParams,
    seeds: Sequence[int | None],
    ticks: int,
    stats: EpisodeStats,
    check: Callable[[int], object] = lambda tick: None,
    pace: "Pace | None" = None,
    hardcore: bool = False,
) -> PopulationState:
    """Train for one round: `ticks` steps of the JAX walkers, from new episodes on.

    Args:
      state: PopulationState.
      spec: ControllerSpec.
      params: ControllerParams with leaves (N,).
      seeds: N seeds of the members' episodes, 63 bits; the walker of a member with None stays idle.
      ticks: steps of all walkers.
      stats: EpisodeStats that count them.
      check: called after each chunk with the number of its last tick; may raise to end the round.
      pace: how many ticks chunks have; kept from round to round. They change nothing in the result.
      hardcore: on ground with obstacles.

    Returns:
      PopulationState, whole on the default device.
    """
    members = len(seeds)
    if members == 1:  # XLA would compile a lone one to other code, which rounds differently: it plays beside a copy
        both = np.zeros(2, int)
        state, params = population.select(state, both), jax.tree.map(lambda leaf: leaf[both], params)
        seeds = [*seeds, *seeds]
    pace, on = pace or Pace(), devices.mesh(len(seeds))
    begin, chunk = programs(spec, len(seeds), hardcore=hardcore)
    keys, idle = devices.place((key_data(seeds), np.array([seed is None for seed in seeds])), on, MEMBERS)
    params = devices.place(params, on, MEMBERS)
    round = begin(devices.place(state, on, POPULATION), keys, idle)
    stats.begin_round()
    running: list[tuple[int, int, Log]] = []  # first tick, ticks and log of the chunk that is not counted yet
    # The first tick of the walkers is their reset.
    for first, length in pace.chunks(1 + ticks):
        round, log = chunk(length, ticks - first, round, params)
        jax.tree.map(lambda column: column.copy_to_host_async(), log)
        for each in running:
            _count(stats, check, *each)
        running = [(first, length, log)]
    for each in running:
        _count(stats, check, *each)
    state = jax.block_until_ready(devices.gather(round.state))
    return state if len(seeds) == members else population.select(state, slice(members))


class Pace:
    """How many ticks to compute before the host looks again: what takes about half a second."""

    def __init__(self) -> None:
        self._length = 16

    def chunks(self, ticks: int) -> Iterator[tuple[int, int]]:
        """Yield (first tick, ticks) of chunks that add up to so many ticks, each when it is to start."""
        first = 0
        while first < ticks:
            started, length = time.monotonic(), min(self._length, ticks - first)
            yield first, length
            first += length
            # A chunk starts as soon as the one before is counted: so this is how long a chunk took.
            fits = _SECONDS * length / max(time.monotonic() - started, 1e-9)
            self._length = int(np.clip(fits, max(self._length // 2, 1), min(2 * self._length, CHUNK_TICKS)))


def _begin(state: PopulationState, keys: Array, idle: Array, hardcore: bool) -> Round:
    """Return what the first tick of a round is handed: walkers whose first step is the reset of their first episode."""
    episodes = walks.ready(jax.random.wrap_key_data(keys), idle, hardcore)
    action = jnp.zeros((len(idle), ACTIONS), jnp.float32)
    return Round(state, devices.members_first(episodes), action, jnp.ones_like(idle), idle)


def _count(stats: EpisodeStats, check: Callable[[int], object], first: int, length: int, log: Log) -> None:
    """Wait for a chunk, count it, and tell of its last tick."""
    members = len(stats.steps)  # the log of a lone one is of its copy too
    stats.observe(*(np.asarray(column)[:length, :members] for column in log))
    check(max(first + length - 2, 0))
