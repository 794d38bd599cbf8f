"""Whole episodes of the JAX walkers beside gymnasium's: the same distribution of returns and lengths."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import stats

from dsjax import population, presets
from dsjax.envs.make import make_vector
from dsjax.evaluation.evaluate import evaluate
from dsjax.presets import preset
from dsjax.training import device_validation
from dsjax.walker import episodes

EPISODES, TOGETHER = 256, 64
ID = "BipedalWalker-v3"


def shipped():
    """Return a population of copies of one shipped walker, and which members play: (state, spec, params, members)."""
    spec, params, member = presets.load("ambler")
    params = population.share(params, TOGETHER)
    state = population.init(population.run_key(0), jnp.arange(TOGETHER), spec, params)
    members = jax.tree.map(lambda leaf: jnp.broadcast_to(leaf, (TOGETHER, *leaf.shape)), member)
    return state._replace(members=members), spec, params, np.array([0])


def untrained():
    """Return a population of untrained controllers, all of which play: (state, spec, params, members)."""
    spec, params = preset("iros2018")
    params = population.share(params, TOGETHER)
    state = population.init(population.run_key(0), jnp.arange(TOGETHER), spec, params)
    return state, spec, params, np.arange(TOGETHER)


def of_controllers(make):
    """Return the returns and lengths of episodes of JAX walkers, and of two sets of gymnasium's, (3, 2, 256)."""
    state, spec, params, members = make()
    terrains = EPISODES // len(members)
    ours = device_validation.evaluate(state, spec, params, members, range(terrains))
    envs = make_vector(ID, TOGETHER, "async")
    theirs = [
        evaluate(envs, state, spec, params, members, range(first, first + terrains), terrain_set="test-v1")
        for first in (0, 5000)
    ]
    envs.close()
    return np.array([[columns["return"], columns["length"]] for columns in (ours, *theirs)], float)


def of_random_actions():
    """Return the same of walkers whose actions are random in every step."""
    first = _first_episodes(_jax_walkers(), 0)
    envs = make_vector(ID, EPISODES, "async")
    others = [_first_episodes(_vector_env(envs, seed), seed) for seed in (0, 10_000)]
    envs.close()
    return np.array([first, *others])


def _jax_walkers():
    step = jax.jit(episodes.step)
    state = [episodes.ready(jax.random.split(jax.random.key(0), EPISODES), jnp.zeros(EPISODES, bool))]
    state[0] = step(state[0], jnp.zeros((EPISODES, 4)))[0]

    def advance(action):
        state[0], _, *outcome = step(state[0], jnp.asarray(action))
        return map(np.asarray, outcome)

    return advance


def _vector_env(envs, seed):
    envs.reset(seed=[seed + i for i in range(EPISODES)], options={})
    return lambda action: envs.step(action)[1:4]


def _first_episodes(advance, seed):
    rng, going = np.random.default_rng(seed), np.ones(EPISODES, bool)
    total, length = np.zeros((2, EPISODES))
    while going.any():
        reward, terminated, truncated = advance(rng.uniform(-1, 1, (EPISODES, 4)).astype(np.float32))
        total += going * reward
        length += going
        going = going & ~(terminated | truncated)
    return total, length


@pytest.mark.slow
@pytest.mark.parametrize(
    "sample",
    [lambda: of_controllers(shipped), lambda: of_controllers(untrained), of_random_actions],
    ids=["shipped", "untrained", "random"],
)
def test_episodes_are_distributed_as_gymnasiums(sample):
    ours, theirs, again = sample()
    for name, a, b, c in zip(("return", "length"), ours, theirs, again, strict=True):
        p, p_own = stats.ks_2samp(a, b).pvalue, stats.ks_2samp(b, c).pvalue
        print(f"{name}: JAX {a.mean():.1f} +- {stats.sem(a):.1f}, gymnasium {b.mean():.1f} +- {stats.sem(b):.1f} and "
              f"{c.mean():.1f} +- {stats.sem(c):.1f}; KS p {p:.2f}, gymnasium with itself {p_own:.2f}")  # fmt: skip
        assert p > 0.001 and stats.ks_2samp(a, c).pvalue > 0.001
        assert abs(a.mean() - b.mean()) < 3.5 * np.hypot(stats.sem(a), stats.sem(b))
