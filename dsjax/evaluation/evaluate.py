"""Evaluate trained controllers: episodes without learning, on terrains they were not trained on.

Always with gymnasium's own physics. A set of terrains is a name with a version and a first seed, fixed for good;
training selects on one set and results are reported on another.
"""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from dsjax import population
from dsjax.controller import Activity, ControllerParams, ControllerSpec, ControllerState
from dsjax.envs.task import SPEED, TERRAINS, TIME_LIMIT, TerrainSet, Weights, moved, outcome_of
from dsjax.population import PopulationState
from dsjax.shapes import Array, ArrayLike

# What each set's random streams fold in. Training's keys fold in ticks, which do not reach these.
_STREAMS = {"test-v1": 2**32 - 2, "validation-v1": 2**32 - 3}


def evaluate(
    envs: Any, state: PopulationState, spec: ControllerSpec, params: ControllerParams,
    members: Sequence[int] | np.ndarray, terrains: range, weights: Weights = "centers",
    terrain_set: TerrainSet = "validation-v1", check: Callable[[float], None] = lambda done: None,
) -> dict[str, list]:  # fmt: skip
    """Play one episode per member and terrain, and return them as columns.

    The envs take turns: each slot of the vector env plays a share of one member's terrains. An episode depends on
    its member and terrain alone, not on the number of slots.

    Args:
      envs: gymnasium VectorEnv from `envs.make.make_vector`, of at least as many envs as members to evaluate.
      state: PopulationState.
      spec: ControllerSpec.
      params: ControllerParams with leaves (N,).
      members: (M,) int, those to evaluate.
      terrains: range of indices in the terrain set, step 1.
      weights: one of `WEIGHTS`.
      terrain_set: one of `TERRAINS`.
      check: called once a step with the share that is done, in [0, 1]; may raise to end the evaluation. The share
        assumes episodes of full length, so it jumps ahead where they end early.

    Returns:
      {column: sequence}, by member and terrain: member, terrain, length, return, outcome.
    """

    def begin(owner: np.ndarray) -> Any:
        states, numbers = jax.tree.map(lambda leaf: jnp.asarray(leaf)[owner], (state.members, params))
        return jnp.asarray(state.key)[owner], states, numbers

    def act(carry: Any, terrain: np.ndarray, age: np.ndarray, observation: np.ndarray, starts: np.ndarray) -> Any:
        keys, states, numbers = carry
        oscillating = weights == "oscillating"
        states, action, _ = step(
            keys, terrain, age, states, observation, starts, numbers, spec, oscillating, terrain_set
        )
        return (keys, states, numbers), action

    return play_policies(envs, begin, act, members, terrains, terrain_set, check)


def play_policies(
    envs: Any, begin: Callable[[np.ndarray], Any], act: Callable[..., tuple[Any, Any]],
    members: Sequence[int] | np.ndarray, terrains: range, terrain_set: TerrainSet = "validation-v1",
    check: Callable[[float], None] = lambda done: None,
) -> dict[str, list]:  # fmt: skip
    """Let any policies play one episode per member and terrain, and return them as `evaluate` does.

    Args:
      envs: as for `evaluate`.
      begin: from the members that the S slots of the vector env play, (S,) int, to what `act` carries from step to
        step.
      act: (carry, terrain (S,), age (S,) in steps, observation (S, 24), starts (S,) bool) -> (carry, action (S, 4)).
      members: (M,) int, those to evaluate.
      terrains: range of indices in the terrain set, step 1.
      terrain_set: one of `TERRAINS`.
      check: as for `evaluate`.
    """
    share = _slots_per_member(envs.num_envs // len(members), len(terrains))
    owner = np.repeat(np.asarray(members), share)
    spare = envs.num_envs - len(owner)
    first = np.tile(np.arange(share), len(members)) + terrains.start
    seeds = [TERRAINS[terrain_set] + int(t) for t in first] + [None] * spare
    owner, terrain = np.append(owner, [0] * spare).astype(int), np.append(first, [0] * spare).astype(int)
    carry = begin(owner)

    observation, _ = envs.reset(seed=seeds, options={"episodes": len(terrains) // share, "stride": share})
    left = np.append(np.full(len(members) * share, len(terrains) // share), [0] * spare).astype(int)
    starts, ends = np.ones(len(owner), bool), np.zeros(len(owner), bool)
    length, total, way = np.zeros(len(owner), np.int64), np.zeros(len(owner)), np.zeros(len(owner))
    rows: list[tuple] = []
    whole = left.max() * TIME_LIMIT
    while left.any():
        check(1 - max((left * TIME_LIMIT - length).max(), 0) / whole)
        carry, action = act(carry, terrain, length, observation, starts)
        observation, reward, terminated, truncated, _ = envs.step(np.asarray(action))
        starts, ends = ends, terminated | truncated
        stepped = ~starts & (left > 0)
        length += stepped
        total += np.where(stepped, reward, 0.0)
        way += np.where(stepped, moved(observation[:, SPEED]), 0.0)
        for slot in np.flatnonzero(ends & stepped):
            outcome = outcome_of(terminated[slot], reward[slot], way[slot])
            rows.append((owner[slot], terrain[slot], length[slot], total[slot], outcome))
            length[slot], total[slot], way[slot] = 0, 0.0, 0.0
            terrain[slot] += share
            left[slot] -= 1
    names = ("member", "terrain", "length", "return", "outcome")
    return dict(zip(names, map(list, zip(*sorted(rows), strict=True)), strict=True))


def _slots_per_member(available: int, terrains: int) -> int:
    """Return the largest number of slots that shares the terrains of a member evenly."""
    return max(k for k in range(1, min(available, terrains) + 1) if terrains % k == 0)


@partial(jax.jit, static_argnames=("spec", "oscillating", "terrain_set"))
def step(
    keys: Any,
    terrain: Any,
    age: Any,
    states: ControllerState,
    observation: ArrayLike,
    starts: ArrayLike,
    params: ControllerParams,
    spec: ControllerSpec,
    oscillating: bool,
    terrain_set: TerrainSet,
) -> tuple[ControllerState, Array, Activity]:
    """Let controllers act as `population.perform` does, each episode with a random stream of its own.

    Args:
      keys: (N, 2) uint32 key data of the members.
      terrain: (N,) int, index in the terrain set.
      age: (N,) int, environment steps since the episode began.
      states: ControllerState with leaves (N, ...).
      observation: (N, 24).
      starts: (N,) bool.
      params: ControllerParams with leaves (N,).
      spec: ControllerSpec.
      oscillating: act with the oscillating weights instead of the centers.
      terrain_set: one of `TERRAINS`: terrains of the same index in two sets have streams of their own.

    Returns:
      (ControllerState with leaves (N, ...), action (N, 4), controller.Activity with leaves (N, ...)).
    """

    def episode_key(key: Array, terrain: Array, age: Array) -> Array:
        key = jax.random.fold_in(jax.random.wrap_key_data(key), jnp.uint32(_STREAMS[terrain_set]))
        return jax.random.key_data(jax.random.fold_in(jax.random.fold_in(key, terrain), age))

    keys = jax.vmap(episode_key)(keys, terrain, age)
    return population.perform(keys, states, observation, starts, spec, params, oscillating=oscillating)
