"""gymnasium's functional interface, and the walker in gymnasium's own conversions of it.

What steps the walker is slow: a lone walker's program takes minutes to compile, and no other test shares it.
"""

import subprocess
import sys

import gymnasium
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from gymnasium.envs.box2d.bipedal_walker import BipedalWalker
from gymnasium.envs.functional_jax_env import FunctionalJaxEnv
from helpers import ROOT

from dsjax.walker.functional import BipedalWalkerFuncEnv, Moment, gymnasium_terrain
from dsjax.walker.terrain import Terrain

FUNCTIONS = BipedalWalkerFuncEnv()
ACTIONS = np.random.default_rng(0).uniform(-1, 1, (10, 4)).astype(np.float32)


def one(terrain):
    """Return the terrain of the first walker, without the axis of walkers."""
    return jax.tree.map(lambda leaf: leaf[..., 0], terrain)


@pytest.fixture(scope="module")
def played():
    """Return the moments of an episode on gymnasium's terrain of seed 3, the first one after the reset."""
    moments = [FUNCTIONS.initial(jax.random.key(0), one(gymnasium_terrain([3])))]
    for action in ACTIONS:
        moments.append(FUNCTIONS.transition(moments[-1], action))
    return moments


def test_the_spaces_and_the_spec_are_gymnasiums():
    env = gymnasium.make("BipedalWalker-v3")
    for ours, theirs in (
        (FUNCTIONS.observation_space, env.observation_space),
        (FUNCTIONS.action_space, env.action_space),
    ):
        assert ours == theirs
        np.testing.assert_array_equal(ours.low, theirs.low)
        np.testing.assert_array_equal(ours.high, theirs.high)
    assert (FUNCTIONS.spec.max_episode_steps, FUNCTIONS.spec.reward_threshold) == (1600, 300)


@pytest.mark.slow
def test_an_episode_is_gymnasiums_but_for_rounding(played):
    env = BipedalWalker()
    observation, _ = env.reset(seed=3)
    np.testing.assert_allclose(FUNCTIONS.observation(played[0]), observation, atol=1e-4)
    for before, action, after in zip(played, ACTIONS, played[1:], strict=False):
        observation, reward, terminated, *_ = env.step(action)
        np.testing.assert_allclose(FUNCTIONS.observation(after), observation, atol=5e-3)
        assert FUNCTIONS.reward(before, action, after) == pytest.approx(reward, abs=5e-3)
        assert FUNCTIONS.terminal(after) == terminated
    env.close()


@pytest.mark.slow
def test_observations_are_in_their_space(played):
    for moment in played:
        assert FUNCTIONS.observation_space.contains(np.asarray(moment.observation))


@pytest.mark.slow
def test_a_key_gives_a_terrain():
    first, again, other = (FUNCTIONS.initial(key) for key in map(jax.random.PRNGKey, (0, 0, 1)))
    jax.tree.map(np.testing.assert_array_equal, first, again)
    typed = FUNCTIONS.initial(jax.random.key(0))
    np.testing.assert_array_equal(first.walker.terrain.heights, typed.walker.terrain.heights)
    assert first.walker.terrain.heights.shape == (200,)
    assert not np.array_equal(first.walker.terrain.heights, other.walker.terrain.heights)
    assert (float(first.reward), bool(first.terminated)) == (0.0, False)


@pytest.mark.slow
def test_gymnasiums_env_plays_it(played):
    env = FunctionalJaxEnv(BipedalWalkerFuncEnv(), render_mode="rgb_array", spec=FUNCTIONS.spec)
    first, _ = env.reset(seed=7)
    seen = [env.step(action) for action in ACTIONS]
    assert env.render().shape == (400, 600, 3)
    again, _ = env.reset(seed=7)
    np.testing.assert_array_equal(first, again)
    for action, outcome in zip(ACTIONS, seen, strict=True):
        for one, other in zip(outcome[:4], env.step(action)[:4], strict=True):
            np.testing.assert_array_equal(one, other)
    assert env.observation_space.contains(np.asarray(first))
    env.reset(seed=8)
    assert not np.array_equal(env.step(ACTIONS[0])[0], seen[0][0])
    env.close()


@pytest.mark.slow
def test_the_picture_follows_the_walker_and_its_ground(played):
    stage = FUNCTIONS.render_init()
    stage, first = FUNCTIONS.render_image(played[0], stage)
    same, later = FUNCTIONS.render_image(played[-1], stage)
    assert same is stage and (first != later).any()
    higher = played[0].walker.terrain._replace(heights=played[0].walker.terrain.heights + 1)
    moved = played[0]._replace(walker=played[0].walker._replace(terrain=higher))
    other, _ = FUNCTIONS.render_image(moved, stage)
    assert other is not stage
    for each in (None, stage, other):
        FUNCTIONS.render_close(each)


def test_a_state_is_not_assigned_into():
    with pytest.raises(AttributeError, match=r"use dsjax\.envs\.make\.make_vector\(\.\.\., backend='jax'\)"):
        _ = Moment(None, None, None, None).at
    assert not hasattr(Moment(None, None, None, None), "at")


def test_gymnasiums_terrains_are_those_of_its_resets():
    terrain = gymnasium_terrain([0, 5])
    assert isinstance(terrain, Terrain)
    assert (terrain.heights.shape, terrain.push.shape) == ((200, 2), (2,))
    assert terrain.heights.dtype == terrain.push.dtype == jnp.float32
    for index, seed in enumerate((0, 5)):
        env = BipedalWalker()
        env.reset(seed=seed)
        np.testing.assert_array_equal(terrain.heights[:, index], np.array(env.terrain_y, np.float32))
        env.close()
    assert np.abs(terrain.push).max() <= 5


def test_the_walker_needs_no_gymnasium():
    code = "from dsjax import walker; import sys; print({'gymnasium', 'Box2D', 'pygame'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert done.stdout.strip() == "set()"
