"""Series of episodes, one after the other, each on new ground: gymnasium's NEXT_STEP autoreset."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from dsjax.walker import hardcore as obstacles
from dsjax.walker import terrain
from dsjax.walker.geometry import broadcasting
from dsjax.walker.kernel import Method
from dsjax.walker.lanes import on_active, width_of
from dsjax.walker.physics import State
from dsjax.walker.walker import initial
from dsjax.walker.walker import step as step_walkers

_ENDING_SHARE = 0.02  # of walkers whose episodes begin in the same step, usually


class Episodes(NamedTuple):
    """N walkers, each in an episode of a series of its own; walkers are the last axis."""

    walker: State
    key: jax.Array  # (2, N) uint32: key data of each series
    number: jax.Array  # (N,) int: of the current episode, from 0
    ended: jax.Array  # (N,) bool: the episode is over, and the next step begins another
    idle: jax.Array  # (N,) bool: plays nothing


def ready(keys: jax.Array, idle: jax.Array, hardcore: bool = False) -> Episodes:
    """Return series of episodes of N walkers, whose first step is the reset of their first episode.

    Args:
      keys: (N,) PRNG keys; the e-th episode is on the terrain of fold_in(key, e).
      idle: (N,) bool, walkers that are to play nothing; what is returned of them is 0.
      hardcore: on ground with obstacles. Static.
    """
    key = jax.random.key_data(keys).T
    nowhere = (obstacles if hardcore else terrain).nowhere(len(idle))
    number = jnp.full(len(idle), -1, jnp.int32)
    return Episodes(initial(nowhere), key, number, jnp.ones(len(idle), bool), jnp.asarray(idle))


def key_data(seeds: Sequence[int | None]) -> np.ndarray:
    """Return seeds of up to 64 bits as the data of PRNG keys, (N, 2) uint32: both halves of each; 0 for None."""
    whole = np.array([seed or 0 for seed in seeds], np.uint64)
    return np.stack([whole >> np.uint64(32), whole & np.uint64(0xFFFFFFFF)], axis=-1).astype(np.uint32)


@broadcasting
def step(
    episodes: Episodes, action: jax.Array, method: Method | None = None
) -> tuple[Episodes, jax.Array, jax.Array, jax.Array, jax.Array]:
    """Step N walkers; those whose episode has ended begin the next one instead, with reward 0.

    Args:
      episodes: Episodes.
      action: (N, 4).
      method: how to compute; the best for the device if None. Static.

    Returns:
      (Episodes, observation (N, 24), reward (N,), terminated (N,) bool, truncated (N,) bool).
    """
    begins = episodes.ended & ~episodes.idle
    number = episodes.number + begins
    width = width_of(len(begins), _ENDING_SHARE)
    generate = terrain.generate if episodes.walker.terrain.boxes is None else obstacles.generate_hardcore
    walker = on_active(partial(_fresh, generate), begins, (episodes.key, number), width, episodes.walker)
    action = jnp.where(begins[:, None], 0, action)
    state, observation, reward, terminated, truncated = step_walkers(walker, action, method)
    state = state._replace(ticks=jnp.where(begins, 0, state.ticks))
    plays = ~begins & ~episodes.idle
    terminated, truncated = terminated & plays, truncated & plays
    episodes = Episodes(state, episodes.key, number, terminated | truncated, episodes.idle)
    observation = jnp.where(episodes.idle[:, None], 0.0, observation)
    return episodes, observation, jnp.where(plays, reward, 0.0), terminated, truncated


def _fresh(generate: Callable[[jax.Array], terrain.Terrain], key: jax.Array, number: jax.Array) -> State:
    """Return walkers before the first step of episodes: key (2, n), number (n,)."""
    keys = jax.random.wrap_key_data(key.T)
    return initial(generate(jax.vmap(jax.random.fold_in)(keys, number)))
