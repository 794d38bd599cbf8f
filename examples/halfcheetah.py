"""HalfCheetah: dynamic synapses and two oscillators make gymnasium's MuJoCo cheetah run.

The walkers' idea with other legs: a central pattern generator and the senses drive six joints through one layer of 132
synapses. Nothing is told of gaits. Eight seeds learn side by side, each with its own HalfCheetah-v5.

    pip install 'dsjax[examples]'
    python examples/halfcheetah.py
"""

from typing import NamedTuple

import gymnasium
import jax
import jax.numpy as jnp
import numpy as np

from dsjax import layer, oscillator
from dsjax.hyperparameters import LearningParams, LearningSpec, OscillatorParams, SynapseParams
from dsjax.layer import LayerParams, LayerState
from dsjax.oscillator import OscillatorState

SEEDS, STEPS, DT, EPISODE = 8, 200_000, 33.0, 1000  # [ms] of controller time per environment step; steps
JOINTS, SENSES, OSCILLATORS = 6, 17, 2
PARAMS = LayerParams(
    SynapseParams(amplitude=0.2, period=30_000.0, period_cv=0.2, center_range=0.1),
    LearningParams(learning_rate=2e-5, amplitude_decay=0.0, baseline_time=330_000.0, fade_reward=1.0),
)
SPEC = LearningSpec()
RHYTHM = OscillatorParams(rate=0.1)  # a stride takes some ten steps
CURRENT = jnp.array([0.0, 0.1])  # so that the oscillators leave their rest, and differ
SCALE = jnp.array([1.0] * 8 + [0.2] * 3 + [0.1] * 6)  # angles, speeds of the body, speeds of the joints


class Cheetah(NamedTuple):
    """One seed's controller."""

    synapses: LayerState  # (6, 22)
    rhythm: OscillatorState  # (2,)


def act(weights, rhythm, observation):
    """Return the oscillators' next state and six torques in [-1, 1]."""
    inputs = jnp.concatenate([rhythm.v, rhythm.w, observation * SCALE, jnp.ones(1)])
    for _ in range(5):  # so fast a rhythm takes shorter steps
        rhythm = oscillator.step(rhythm, CURRENT, RHYTHM, DT / 5)
    return rhythm, jnp.tanh(weights @ inputs)


def begin(rhythm, begins):
    """Return oscillators at rest where an episode begins."""
    return jax.tree.map(lambda value: jnp.where(begins, 0.0, value), rhythm)


@jax.jit
@jax.vmap
def start(key):
    """Return one seed's controller, untrained."""
    shape = JOINTS, 2 * OSCILLATORS + SENSES + 1
    return Cheetah(layer.init(key, shape, SPEC, PARAMS), oscillator.init(OSCILLATORS))


@jax.jit
@jax.vmap
def step(key, cheetah, observation, reward, begins):
    """Learn from the last reward, unless it is of a reset; return the controller and its torques."""
    synapses = layer.learn(key, cheetah.synapses, reward, SPEC, PARAMS, jnp.where(begins, 0.0, DT))
    rhythm, torques = act(synapses.weights, begin(cheetah.rhythm, begins), observation)
    return Cheetah(synapses, rhythm), torques


def train(steps: int = STEPS, seed: int = 0):
    """Train all seeds; return the returns of their episodes, (8, episodes), and their centers, (8, 6, 22)."""
    envs = gymnasium.make_vec("HalfCheetah-v5", SEEDS)
    observation, _ = envs.reset(seed=seed)
    first, run = jax.random.split(jax.random.key(seed))
    cheetahs = start(jax.random.split(first, SEEDS))
    rewards, reward, begins, ends = [], np.zeros(SEEDS), np.ones(SEEDS, bool), np.zeros(SEEDS, bool)
    for keys in jax.random.split(run, (steps // 100, 100, SEEDS)):
        for key in keys:
            cheetahs, torques = step(key, cheetahs, jnp.asarray(observation, jnp.float32), reward, begins)
            begins = ends  # the step that follows an episode's end resets
            observation, reward, _, ends, _ = envs.step(np.asarray(torques))
            rewards.append(reward)
    envs.close()
    whole = len(rewards) // (EPISODE + 1)
    returns = np.array(rewards[: whole * (EPISODE + 1)]).reshape(whole, -1, SEEDS).sum(axis=1)
    return returns.T, np.asarray(cheetahs.synapses.centers)


def score(centers, seed: int = 1000):
    """Return the return of each seed's frozen centers, (8,), in an episode that training never saw."""
    envs = gymnasium.make_vec("HalfCheetah-v5", SEEDS)
    observation, _ = envs.reset(seed=seed)
    rhythm, returns = jax.vmap(lambda _: oscillator.init(OSCILLATORS))(jnp.arange(SEEDS)), np.zeros(SEEDS)
    frozen = jax.jit(jax.vmap(act))
    for _ in range(EPISODE):
        rhythm, torques = frozen(centers, rhythm, jnp.asarray(observation, jnp.float32))
        observation, reward, *_ = envs.step(np.asarray(torques))
        returns += reward
    envs.close()
    return returns


if __name__ == "__main__":
    returns, centers = train()
    print(f"mean returns over {returns.shape[1]} episodes, of the oscillating, learning synapses:")
    for part in np.array_split(returns, 10, axis=1):
        means = part.mean(axis=1)
        print(f"  median of {SEEDS} seeds {np.median(means):6.0f}, worst {means.min():6.0f}, best {means.max():6.0f}")
    frozen = score(centers)
    print(f"frozen centers: median {np.median(frozen):.0f}, worst {frozen.min():.0f}, best {frozen.max():.0f}")
