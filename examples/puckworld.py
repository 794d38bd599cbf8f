"""PuckWorld: dynamic synapses push a disc towards a good target, and away from a bad one.

The disc slides in a square, and the good target moves elsewhere every hundred steps; the bad one follows the disc.
Two neurons push it, with 12 synapses each: speed, and ways to the good and to the bad target, positive and negative
parts apart. Here the authors' task is a functional gymnasium environment in JAX: eight seeds learn in one program.

    python examples/puckworld.py
"""

from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from gymnasium.experimental.functional import FuncEnv

from dsjax import layer
from dsjax.hyperparameters import LearningParams, LearningSpec, SynapseParams
from dsjax.layer import LayerParams

SEEDS, STEPS, DT = 8, 500_000, 33.0  # [ms] of an environment step
PUSH, KEPT, RADIUS = 0.002, 0.95, 0.05  # of full force, share of the speed that a step keeps, of the disc
MOVES, FOLLOWS, BAD_RADIUS = 100, 0.001, 0.25  # steps between places of the good target; speed and reach of the bad one
PARAMS = LayerParams(
    SynapseParams(amplitude=3.0, period=20_000.0, period_cv=0.1, center_range=0.1),
    LearningParams(learning_rate=5e-5, amplitude_decay=0.0, fade_rate=1e-7, baseline_time=300_000.0),
)
SPEC = LearningSpec()


class Puck(NamedTuple):
    """Where everything is, in a square of side 1."""

    place: jax.Array  # (2,)
    speed: jax.Array  # (2,) per step
    good: jax.Array  # (2,)
    bad: jax.Array  # (2,)
    age: jax.Array  # () steps


class PuckWorld(FuncEnv):
    """The task."""

    def initial(self, rng, params=None):
        """Return a random beginning."""
        place, good, bad = jax.random.uniform(rng, (3, 2))
        return Puck(place, jnp.zeros(2), good, bad, jnp.int32(0))

    def transition(self, state, action, rng, params=None):
        """Push the disc, (2,) in [-1, 1], and let a step pass."""
        speed = KEPT * state.speed + PUSH * action
        place = state.place + speed
        out = (place < RADIUS) | (place > 1 - RADIUS)
        speed, place = jnp.where(out, -0.5 * speed, speed), jnp.clip(place, RADIUS, 1 - RADIUS)
        way = place - state.bad
        bad = state.bad + FOLLOWS * way / jnp.maximum(jnp.linalg.norm(way), 1e-6)
        good = jnp.where((state.age + 1) % MOVES == 0, jax.random.uniform(rng, (2,)), state.good)
        return Puck(place, speed, good, bad, state.age + 1)

    def observation(self, state, rng, params=None):
        """Return speed, and the ways to the good and to the bad target, (6,)."""
        return jnp.concatenate([50 * state.speed, state.good - state.place, state.bad - state.place])

    def reward(self, state, action, next_state, rng, params=None):
        """Return what a step pays: less the farther the good target is, and less yet within the bad one's reach."""
        good, bad = (jnp.linalg.norm(target - next_state.place) for target in (next_state.good, next_state.bad))
        return -good - 2 * jnp.maximum(1 - bad / BAD_RADIUS, 0)

    def terminal(self, state, rng, params=None):
        """Return False: it goes on."""
        return jnp.bool_(False)


WORLD = PuckWorld()


def play(puck, weights, key):
    """Let two neurons with (2, 12) weights push for a step; return where it leads, and the reward."""
    seen = WORLD.observation(puck, key)
    action = jnp.tanh(weights @ jnp.concatenate([jax.nn.relu(seen), jax.nn.relu(-seen)]))
    after = WORLD.transition(puck, action, key)
    return after, WORLD.reward(puck, action, after, key)


def learn(carry, key):
    """Play a step, and learn from what it brings; return the reward too."""
    puck, synapses = carry
    draw, chance = jax.random.split(key)
    puck, reward = play(puck, synapses.weights, chance)
    return (puck, layer.learn(draw, synapses, reward, SPEC, PARAMS, DT)), reward


def score(centers, key, steps=20_000):
    """Return the mean reward of frozen centers."""
    keys = jax.random.split(key, steps)
    return jax.lax.scan(lambda puck, key: play(puck, centers, key), WORLD.initial(key), keys)[1].mean()


@partial(jax.jit, static_argnames="steps")
def train(key, steps=STEPS):
    """Train one seed; return its rewards, (steps,), and those of its frozen centers before and after, (2,)."""
    first, world, run = jax.random.split(key, 3)
    synapses = layer.init(first, (2, 12), SPEC, PARAMS)
    (_, learned), rewards = jax.lax.scan(learn, (WORLD.initial(world), synapses), jax.random.split(run, steps))
    return rewards, jnp.stack([score(each.centers, world) for each in (synapses, learned)])


def main(steps: int = STEPS) -> np.ndarray:
    """Train eight seeds; print and return their mean rewards by tenths of the steps, (8, 10)."""
    rewards, frozen = jax.vmap(partial(train, steps=steps))(jax.random.split(jax.random.key(0), SEEDS))
    curve = np.asarray(rewards).reshape(SEEDS, 10, -1).mean(axis=2)
    for part, values in enumerate(curve.T):
        print(f"{(part + 1) * steps // 10:>9,} steps: mean reward {values.mean():.3f}, worst seed {values.min():.3f}")
    print("frozen centers: {:.3f} before, {:.3f} after, worst seed {:.3f}".format(*frozen.mean(0), frozen[:, 1].min()))
    return curve


if __name__ == "__main__":
    main()
