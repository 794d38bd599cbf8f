"""Sixteen walkers, each with a random linear policy, take a hundred steps in one compiled program.

python examples/walker.py
"""

import jax
import jax.numpy as jnp

from dsjax import walker


def main() -> jax.Array:
    """Return what each walker earned until its first fall, (16,)."""
    ground_key, policy_key = jax.random.split(jax.random.key(0))
    policies = jax.random.normal(policy_key, (16, 24, 4))

    def tick(carry, _):
        state, observation, over = carry
        action = jnp.tanh(jnp.einsum("no,noa->na", observation, policies))
        state, observation, reward, terminated, _ = walker.step(state, action)
        return (state, observation, over | terminated), jnp.where(over, 0, reward)

    state, observation = jax.jit(walker.reset)(jax.random.split(ground_key, 16))  # each on ground of its own
    _, rewards = jax.lax.scan(tick, (state, observation, jnp.zeros(16, bool)), length=100)
    return rewards.sum(0)


if __name__ == "__main__":
    print(main())
