"""Pendulum: dynamic synapses swing a pendulum up, and balance it.

The motor is too weak to lift gymnasium's Pendulum-v1 at once: it must be swung. One layer of four synapses does it,
from sine and speed to the torque, two while the pendulum hangs and two while it stands: so the same speed can mean
"push on" below and "brake" above. Eight seeds learn side by side.

    python examples/pendulum.py
"""

import gymnasium
import jax
import jax.numpy as jnp
import numpy as np

from dsjax import layer
from dsjax.hyperparameters import LearningParams, LearningSpec, SynapseParams
from dsjax.layer import LayerParams

SEEDS, STEPS, DT = 8, 100_000, 50.0  # [ms] of an environment step
EPISODE, FASTEST = 200, 8.0  # steps; [rad/s]
PARAMS = LayerParams(
    SynapseParams(amplitude=1.0, period=20_000.0, period_cv=0.2, center_range=0.1),
    LearningParams(learning_rate=1e-5, amplitude_decay=0.0, baseline_time=200_000.0),
)
SPEC = LearningSpec()


def torque(weights, observation):
    """Return the torque, (1,), that weights, (4,), give for cosine, sine and speed, (3,)."""
    cosine, sine, speed = observation
    stands, hangs = jnp.maximum(cosine, 0), jnp.maximum(-cosine, 0)
    inputs = jnp.stack([stands * sine, stands * speed / FASTEST, hangs * sine, hangs * speed / FASTEST])
    return 2 * jnp.tanh(4 * weights @ inputs)[None]


@jax.jit
@jax.vmap
def start(key):
    """Return one seed's synapses, untrained."""
    return layer.init(key, (4,), SPEC, PARAMS)


@jax.jit
@jax.vmap
def step(key, state, observation, reward, resets):
    """Learn from the last reward, unless it is of a reset; return the state and the torque."""
    state = layer.learn(key, state, reward, SPEC, PARAMS, jnp.where(resets, 0.0, DT))
    return state, torque(state.weights, observation)


def train(steps: int = STEPS, seed: int = 0):
    """Train all seeds; return the returns of their episodes, (8, episodes), and their centers, (8, 4)."""
    envs = gymnasium.make_vec("Pendulum-v1", SEEDS)
    observation, _ = envs.reset(seed=seed)
    first, *keys = jax.random.split(jax.random.key(seed), 1 + steps // 1000)
    state = start(jax.random.split(first, SEEDS))
    rewards, reward, resets, ends = [], np.zeros(SEEDS), np.ones(SEEDS, bool), np.zeros(SEEDS, bool)
    for key in keys:
        for one in jax.random.split(key, (1000, SEEDS)):
            state, action = step(one, state, observation, reward, resets)
            resets = ends  # what the next observation is of, where an episode has ended
            observation, reward, _, ends, _ = envs.step(np.asarray(action))
            rewards.append(reward)
    envs.close()
    whole = len(rewards) // (EPISODE + 1)  # all episodes are as long; a step more resets
    returns = np.array(rewards[: whole * (EPISODE + 1)]).reshape(whole, -1, SEEDS).sum(axis=1)
    return returns.T, np.asarray(state.centers)


def score(centers, episodes: int = 20, seed: int = 1000):
    """Return the mean return of each seed's frozen centers, (8,), on pendulums that training never saw."""
    envs = gymnasium.make_vec("Pendulum-v1", SEEDS)
    act, returns = jax.jit(jax.vmap(torque)), np.zeros(SEEDS)
    for episode in range(episodes):
        observation, _ = envs.reset(seed=[seed + episode] * SEEDS)
        for _ in range(EPISODE):
            observation, reward, *_ = envs.step(np.asarray(act(centers, observation)))
            returns += reward
    envs.close()
    return returns / episodes


def main() -> None:
    """Train, and print how it went."""
    returns, centers = train()
    print(f"mean returns over {returns.shape[1]} episodes, of the oscillating, learning synapses:")
    for part in np.array_split(returns, 10, axis=1):
        means = part.mean(axis=1)
        print(f"  median of {SEEDS} seeds {np.median(means):7.0f}, worst {means.min():7.0f}, best {means.max():7.0f}")
    frozen = score(centers)
    print(f"frozen centers: median {np.median(frozen):.0f}, worst {frozen.min():.0f}, best {frozen.max():.0f}")


if __name__ == "__main__":
    main()
