"""Another fluctuation: weights that follow noise instead of a sine, under the same learning rule.

`learning.update` moves centers and fades the fluctuation. It does not know how weights fluctuate: it needs a NamedTuple
with `center`, `weight`, `fade` and `fade_error`. Here the weight's deviation is an Ornstein-Uhlenbeck process

    w = c + A exp(-fade) x        dx = -x dt / T + sqrt(2 dt / T) N(0, 1)

with time constant T, of unit variance in the long run. 64 such synapses learn a target weight from reward alone.

    python examples/fluctuation.py
"""

from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp

from dsjax import learning
from dsjax.hyperparameters import LearningParams, LearningSpec
from dsjax.shapes import Array

AMPLITUDE, TIME = 0.2, 1000.0  # [1], [ms]
GOAL, DT = 0.7, 33.0
SPEC = LearningSpec(signed_decay=False)
LEARNING = LearningParams(learning_rate=1e-3, amplitude_decay=0.0, baseline_time=3000.0)


class NoiseState(NamedTuple):
    """A synapse whose weight follows noise."""

    center: Array
    weight: Array
    noise: Array  # x
    fade: Array  # amplitude = AMPLITUDE exp(-fade)
    fade_error: Array


def init(center: Array) -> NoiseState:
    """Return a synapse at its center."""
    zero = jnp.zeros(())
    return NoiseState(center, center, jnp.zeros_like(center), zero, zero)


def advance(key: Array, state: NoiseState, dt: float) -> NoiseState:
    """Let the noise run for dt."""
    kick = jax.random.normal(key, state.noise.shape)
    noise = state.noise - state.noise * dt / TIME + jnp.sqrt(2 * dt / TIME) * kick
    return state._replace(noise=noise, weight=state.center + AMPLITUDE * jnp.exp(-state.fade) * noise)


def tick(state: tuple, key: Array, goal: float = GOAL) -> tuple[tuple, Array]:
    """Advance one synapse by a step, rewarded by how near its weight is to the goal."""
    learned, synapse = state
    synapse = advance(key, synapse, DT)
    reward = -((synapse.weight - goal) ** 2)
    learned, synapse = learning.update(learned, synapse, reward, 0.0, SPEC, LEARNING, DT)
    return (learned, synapse), synapse.center


@partial(jax.jit, static_argnames="steps")
def train(key: Array, steps: int = 5_000, goal: float = GOAL) -> Array:
    """Train one synapse from a center of 0; return its center at every step, (steps,)."""
    synapse = init(jnp.zeros(()))
    state = learning.init(synapse, SPEC, LEARNING), synapse
    return jax.lax.scan(partial(tick, goal=goal), state, jax.random.split(key, steps))[1]


def main() -> Array:
    """Train 64 synapses; return their centers over time, (64, steps)."""
    centers = jax.vmap(train)(jax.random.split(jax.random.key(0), 64))
    print(f"goal {GOAL}; centers end at {centers[:, -1].mean():.2f}, standard deviation {centers[:, -1].std():.2f}")
    return centers


if __name__ == "__main__":
    main()
