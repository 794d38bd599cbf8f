"""Sixteen walkers, each with a random linear policy, take a hundred steps in one compiled program.

python examples/walker.py
"""

import jax
import jax.numpy as jnp

from dsjax.walker import episodes


def main() -> jax.Array:
    """Return what each walker earned in its first episode, (16,)."""
    ground_key, policy_key = jax.random.split(jax.random.key(0))
    policies = jax.random.normal(policy_key, (16, 24, 4))

    def tick(carry, _):
        playing, observation, over = carry
        action = jnp.tanh(jnp.einsum("no,noa->na", observation, policies))
        playing, observation, reward, terminated, truncated = episodes.step(playing, action)
        return (playing, observation, over | terminated | truncated), jnp.where(over, 0, reward)

    nobody = jnp.zeros(16, bool)
    playing = episodes.ready(jax.random.split(ground_key, 16), idle=nobody)  # the first step is the reset
    _, rewards = jax.lax.scan(tick, (playing, jnp.zeros((16, 24)), nobody), length=100)
    return rewards.sum(0)


if __name__ == "__main__":
    print(main())
