"""A walker of a few lines with the interface of `dsjax.walker.episodes`: its programs compile in seconds."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np


class Episodes(NamedTuple):
    place: Any  # (2, N)
    slope: Any  # (N,), the terrain
    age: Any  # (N,)
    key: Any  # (2, N)
    number: Any  # (N,)
    ended: Any  # (N,)
    idle: Any  # (N,)
    phase: Any  # (N,), weakly typed from the first step on


def ready(keys, idle, hardcore=False):
    zero, number, ended = jnp.zeros((2, len(idle)), jnp.float32), jnp.zeros(len(idle), jnp.int32), jnp.ones_like(idle)
    return Episodes(zero, zero[0], number, jax.random.key_data(keys).T, number - 1, ended, idle, number)


def begin(keys, idle):
    return step(ready(keys, idle), jnp.zeros((len(idle), 4), jnp.float32))[:2]


def step(episodes, action):
    _, slope, _, key, number, ended, idle, _ = episodes
    number = number + ended.astype(jnp.int32)
    slope = jnp.where(ended, _terrain(key, number), slope)
    push = jnp.stack([action[:, 0] - action[:, 2], action[:, 1] + action[:, 3]])
    place = jnp.where(ended[None], 0.0, episodes.place + 0.1 * push + 0.02 * slope[None])
    age = jnp.where(ended, 0, episodes.age + 1)
    counts = ~(ended | idle)
    terminated = counts & (jnp.abs(place[1]) > 0.5)
    truncated = counts & (age >= 40) & ~terminated
    reward = jnp.where(counts, jnp.where(terminated, -100.0, place[0] - episodes.place[0]), 0.0)
    episodes = Episodes(place, slope, age, key, number, terminated | truncated, idle, jnp.where(ended, 1, 2))
    return episodes, _observation(episodes), reward, terminated, truncated


class ToyVectorEnv:
    """The same walkers as a vector env of one group, stepped from the host."""

    groups = (slice(0, None),)

    def reset(self, *, seed, options):
        halves = [[(one or 0) >> 32, (one or 0) & 0xFFFFFFFF] for one in seed]
        keys = jax.random.wrap_key_data(jnp.array(halves, jnp.uint32))
        self._episodes, observation = jax.jit(begin)(keys, np.array([one is None for one in seed]))
        self._step = jax.jit(step)
        return np.asarray(observation), {}

    def send(self, group, actions):
        self._episodes, *self._outcome = self._step(self._episodes, actions)

    def recv(self, group):
        return tuple(map(np.asarray, self._outcome))


def _terrain(key, number):
    def one(key, number):
        return jax.random.uniform(jax.random.fold_in(jax.random.wrap_key_data(key), number), (), jnp.float32, -1.0, 1.0)

    return jax.vmap(one, (1, 0))(key, number)


def _observation(episodes):
    speed = jnp.stack([episodes.slope, *episodes.place, jnp.sin(4 * episodes.place[0])])
    whole = jnp.concatenate([speed] * 6).T
    return jnp.where(episodes.idle[:, None], 0.0, whole)
