"""The JAX walkers alone, with random actions: what a training on them is measured against."""

from collections.abc import Callable

import jax
import jax.numpy as jnp

from dsjax.shapes import Array
from dsjax.training import devices
from dsjax.training.devices import MEMBERS, P
from dsjax.walker import episodes as walks


def random_walk(members: int) -> Callable[[int], None]:
    """Return a function that steps walkers so many times with random actions, resets included."""

    def run(ticks: Array, keys: Array) -> Array:
        episodes = walks.ready(jax.random.wrap_key_data(keys), jnp.zeros(len(keys), bool))

        def one(number: Array, carry: tuple[walks.Episodes, Array]) -> tuple[walks.Episodes, Array]:
            key = jax.random.fold_in(jax.random.key(0), number)
            action = jax.random.uniform(key, (len(keys), 4), jnp.float32, -1.0, 1.0)
            episodes, _, reward, _, _ = walks.step(carry[0], action)
            return episodes, reward

        return jax.lax.fori_loop(0, ticks, one, (episodes, jnp.zeros(len(keys), jnp.float32)))[1]

    on = devices.mesh(members)
    walk = devices.over_members(run, on, (P(), MEMBERS), MEMBERS)
    keys = devices.place(walks.key_data(range(members)), on, MEMBERS)
    return lambda ticks: jax.block_until_ready(walk(ticks, keys))
