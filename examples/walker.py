"""Sixteen walkers take a hundred random steps, in one compiled program.

python examples/walker.py
"""

import jax

from dsjax import walker


def tick(state, key):
    """Step all walkers with random actions; return their state and their rewards, (16,)."""
    action = jax.random.uniform(key, (16, 4), minval=-1, maxval=1)
    state, _observation, reward, _terminated, _truncated = walker.step(state, action)
    return state, reward


def main() -> jax.Array:
    """Return the reward of every step, (100, 16)."""
    ground_key, action_key = jax.random.split(jax.random.key(0))
    state, _ = jax.jit(walker.reset)(jax.random.split(ground_key, 16))  # each on ground of its own
    state, rewards = jax.lax.scan(tick, state, jax.random.split(action_key, 100))
    return rewards


if __name__ == "__main__":
    print(main().sum(0))
