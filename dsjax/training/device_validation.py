"""Evaluate the frozen centers of a large population on the JAX walkers, in one program with them.

These are not gymnasium's walkers, nor its terrains: what is reported of a member, `dsjax evaluate` scores there.
"""

from collections.abc import Callable, Sequence
from functools import lru_cache, partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from dsjax.controller import ACTIONS, ControllerParams, ControllerSpec, ControllerState
from dsjax.envs.task import HARDCORE_TIME_LIMIT, SPEED, TIME_LIMIT, moved, outcome_of
from dsjax.evaluation.evaluate import step
from dsjax.population import PopulationState
from dsjax.shapes import Array, Bool, Float, Int
from dsjax.training import devices
from dsjax.training.devices import MEMBERS, P
from dsjax.walker import episodes as walks
from dsjax.walker.episodes import Episodes

# First half of the key of terrain i, whose second half is i. The keys of training are of 63 bits: none begins so.
_FIRST_HALF = 2**32 - 1
LOOK = 200  # ticks between two looks of the host


class Wave(NamedTuple):
    """N episodes side by side, each a member's on one terrain. Outside the program, all leaves have episodes first."""

    states: ControllerState
    episodes: Episodes
    action: Float[Array, "n 4"]
    begins: Bool[Array, " n"]  # the walker's next step is its reset
    over: Bool[Array, " n"]
    terminated: Bool[Array, " n"]
    length: Int[Array, " n"]  # so far, like all below
    total: Float[Array, " n"]  # of the rewards
    last: Float[Array, " n"]  # reward
    way: Float[Array, " n"]  # [m] that the hull moved


class Who(NamedTuple):
    """What an episode is played with."""

    key: Any  # (N, 2) uint32, the members' keys
    terrain: Any  # (N,) int
    params: ControllerParams


class Programs(NamedTuple):
    """The compiled programs of a structure and a number of episodes side by side."""

    begin: Callable[..., Wave]  # (states, keys (N, 2), idle (N,)) -> Wave
    advance: Callable[..., Wave]  # (ticks, wave, who) -> Wave; consumes the wave


@lru_cache(maxsize=8)
def programs(spec: ControllerSpec, count: int, hardcore: bool) -> Programs:
    """Return the programs for controllers of a structure, of which so many are spread over the devices."""
    on = devices.mesh(count)

    def advance(ticks: Array, wave: Wave, who: Who) -> Wave:
        def more(carry: tuple[Array, Wave]) -> Array:
            number, wave = carry
            return (number < ticks) & ~jnp.all(wave.over)

        def one(carry: tuple[Array, Wave]) -> tuple[Array, Wave]:
            number, wave = carry
            return number + 1, tick(wave, who, spec)

        wave = wave._replace(episodes=devices.members_last(wave.episodes))
        _, wave = jax.lax.while_loop(more, one, (jnp.zeros_like(ticks), wave))
        return wave._replace(episodes=devices.members_first(wave.episodes))

    return Programs(
        devices.over_members(partial(_begin, hardcore=hardcore), on, (MEMBERS, MEMBERS, MEMBERS), MEMBERS),
        devices.over_members(advance, on, (P(), MEMBERS, MEMBERS), MEMBERS, donate=[1]),
    )


def tick(wave: Wave, who: Who, spec: ControllerSpec) -> Wave:
    """Step every walker and let every controller act once; an episode that is over stays as it ended."""
    episodes, observation, reward, terminated, truncated = walks.step(wave.episodes, wave.action)
    going = ~(wave.over | wave.begins)
    length = jnp.where(going, wave.length + 1, wave.length)
    states, action, _ = step(
        who.key, who.terrain, length, wave.states, observation, wave.begins, who.params, spec=spec, oscillating=False,
        terrain_set="validation-v1",
    )  # fmt: skip
    return Wave(
        states=states,
        episodes=episodes,
        action=action,
        begins=jnp.zeros_like(wave.begins),
        over=wave.over | terminated | truncated,
        terminated=wave.terminated | (going & terminated),
        length=length,
        total=wave.total + jnp.where(going, reward, 0.0),
        last=jnp.where(going, reward, wave.last),
        way=wave.way + jnp.where(going, moved(observation[:, SPEED]), 0.0),
    )


def evaluate(
    state: PopulationState,
    spec: ControllerSpec,
    params: ControllerParams,
    members: Sequence[int] | np.ndarray,
    terrains: range,
    check: Callable[[float], None] = lambda done: None,
    hardcore: bool = False,
) -> dict[str, list]:
    """Play one episode of frozen centers per member and terrain, and return them as columns.

    As many episodes run side by side as the population has members. An episode depends on its member and terrain alone.

    Args:
      state: PopulationState.
      spec: ControllerSpec.
      params: ControllerParams with leaves (N,).
      members: (M,) int, those to evaluate.
      terrains: range of indices in the set `task.JAX_TERRAINS`, step 1.
      check: called now and then with the share that is done, in [0, 1]; may raise to end the evaluation.
      hardcore: on ground with obstacles.

    Returns:
      {column: list}, by member and terrain: member, terrain, length, return, outcome.
    """
    count = len(state.running)
    owner, terrain = np.repeat(members, len(terrains)), np.tile(np.asarray(terrains), len(members))
    starts = range(0, len(owner), count)
    rows: list[tuple] = []
    for number, start in enumerate(starts):
        part = slice(start, start + count)

        def tell(done: float, number: int = number) -> None:
            check((number + done) / len(starts))

        ended = _play(state, spec, params, owner[part], terrain[part], tell, hardcore)
        fields = (ended.terminated, ended.last, ended.way)
        outcomes = [outcome_of(*end) for end in zip(*(np.asarray(field).tolist() for field in fields), strict=True)]
        played = owner[part].tolist(), terrain[part].tolist(), np.asarray(ended.length).tolist()
        rows += zip(*played, np.asarray(ended.total).tolist(), outcomes, strict=False)
    names = ("member", "terrain", "length", "return", "outcome")
    return dict(zip(names, map(list, zip(*rows, strict=True)), strict=True))


def _play(
    state: PopulationState,
    spec: ControllerSpec,
    params: ControllerParams,
    owner: np.ndarray,
    terrain: np.ndarray,
    check: Callable[[float], None],
    hardcore: bool,
) -> Wave:
    """Play at most N episodes side by side to their ends; places that are left over stay idle."""
    count = len(state.running)
    idle = np.arange(count) >= len(owner)
    owner, terrain = (np.append(column, np.zeros(count - len(column), int)) for column in (owner, terrain))
    begin, advance = programs(spec, count, hardcore=hardcore)
    keys = np.stack([np.full(count, _FIRST_HALF), terrain], axis=-1).astype(np.uint32)
    take = partial(jax.tree.map, lambda leaf: leaf[owner])
    who = Who(state.key[owner], terrain.astype(np.int32), take(params))
    put = partial(devices.place, on=devices.mesh(count), specs=MEMBERS)
    wave, who = begin(*put((take(state.members), keys, idle))), put(who)
    whole = 1 + (HARDCORE_TIME_LIMIT if hardcore else TIME_LIMIT)  # with the reset
    for done in range(0, whole, LOOK):
        check(done / whole)
        wave = advance(LOOK, wave, who)
        if np.asarray(wave.over).all():
            break
    return wave


def _begin(states: ControllerState, keys: Array, idle: Array, hardcore: bool) -> Wave:
    """Return episodes that have not begun; an idle one is over."""
    episodes = walks.ready(jax.random.wrap_key_data(keys), idle, hardcore)
    zero, no = jnp.zeros(len(idle), jnp.float32), jnp.zeros_like(idle)
    action, length = jnp.zeros((len(idle), ACTIONS), jnp.float32), jnp.zeros(len(idle), jnp.int32)
    return Wave(states, devices.members_first(episodes), action, ~no, idle, no, length, zero, zero, zero)
