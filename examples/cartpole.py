"""Another task: dynamic synapses balance gymnasium's CartPole.

Five synapses per member, four for the observation and a bias, push the cart left or right. 32 members learn side by
side, each with its own CartPole. Nothing here needs the four-layer controller: the task is a loop around
`layer.learn`.

    python examples/cartpole.py

A trap: the step that ends an episode carries the reward that matters most, as the pole fell. gymnasium's vector envs
reset in the step after it. So leave out the step that *follows* an end, whose reward is of the reset, and never the one
that ends: without the last reward nothing is learned here.
"""

import gymnasium
import jax
import jax.numpy as jnp
import numpy as np

from dsjax import layer
from dsjax.hyperparameters import LearningParams, LearningSpec, SynapseParams
from dsjax.layer import LayerParams

MEMBERS, STEPS, DT = 32, 40_000, 20.0  # [ms] of an environment step
PARAMS = LayerParams(
    SynapseParams(amplitude=0.5, period=10_000.0, period_cv=0.2, center_range=0.1),
    LearningParams(learning_rate=3e-3, amplitude_decay=0.0, baseline_time=20_000.0),
)
SPEC = LearningSpec(signed_decay=False)
SCALE = np.array([1.0, 1.0, 10.0, 1.0], np.float32)  # position, speed, angle, angular speed


@jax.jit
@jax.vmap
def start(key):
    """Return one member's synapses, untrained."""
    return layer.init(key, (5,), SPEC, PARAMS)


@jax.jit
@jax.vmap
def step(key, state, observation, reward, resets):
    """Learn from the last reward, unless it is of a reset; return the state and the action: 0 left, 1 right."""
    state = layer.learn(key, state, reward, SPEC, PARAMS, jnp.where(resets, 0.0, DT))
    push = state.weights @ jnp.append(observation * SCALE, 1.0)
    return state, (push > 0).astype(jnp.int32)


def train(steps: int = STEPS, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Train all members; return the mean length of the first and of the last ten episodes of each, (32,)."""
    envs = gymnasium.make_vec("CartPole-v1", MEMBERS, vectorization_mode="vector_entry_point")
    observation, _ = envs.reset(seed=seed)
    first_key, *keys = jax.random.split(jax.random.key(seed), steps + 1)
    state = start(jax.random.split(first_key, MEMBERS))
    reward, resets, ends, age = np.zeros(MEMBERS), np.ones(MEMBERS, bool), np.zeros(MEMBERS, bool), np.zeros(MEMBERS)
    lengths = [[] for _ in range(MEMBERS)]
    for key in keys:
        state, action = step(jax.random.split(key, MEMBERS), state, observation, reward, resets)
        resets = ends  # what the next observation is of, where an episode has ended
        observation, _, terminated, truncated, _ = envs.step(np.asarray(action))
        ends = terminated | truncated
        # CartPole pays 1 for every step, which the baseline would take off again: only a fall tells anything.
        reward = np.where(terminated, -1.0, 0.0)
        age = np.where(resets, 0, age + 1)
        for member in np.flatnonzero(ends):
            lengths[member].append(age[member])
    envs.close()
    first, last = ([np.mean(each[part]) for each in lengths] for part in (slice(10), slice(-10, None)))
    return np.array(first), np.array(last)


if __name__ == "__main__":
    first, last = train()
    print(
        f"steps balanced, of 500, median over members: {np.median(first):.0f} at first, {np.median(last):.0f} at last"
    )
