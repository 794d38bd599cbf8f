"""The walker against Box2D: recorded steps, free runs, and what a walker must not depend on."""

import gymnasium
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from gymnasium.envs.box2d.bipedal_walker import BipedalWalker
from walker_recordings import BATCH, GOLDEN, TRIMMED, assert_as_box2d, replay, state_of, step

from dsjax import walker
from dsjax.walker.functional import BipedalWalkerFuncEnv, Moment, gymnasium_terrain
from dsjax.walker.walker import TIME_LIMIT


@pytest.mark.parametrize("path", [TRIMMED, *sorted(GOLDEN.glob("walker_*.npz"))], ids=lambda path: path.stem)
def test_golden_walker_steps_as_box2d(path):
    recording = np.load(path)
    made = replay(recording)
    assert_as_box2d(made, recording, recording["after_ground_contact"])
    goes_on = ~recording["terminated"]
    np.testing.assert_array_equal(made["impacts"][goes_on], recording["toi_events"][goes_on])


def test_a_walker_does_not_depend_on_its_neighbours():
    recording = np.load(TRIMMED)
    rows = np.resize(np.arange(len(recording["step"])), BATCH)
    mixed = np.random.default_rng(0).permutation(BATCH)
    outcomes = [
        step(state_of(recording, order), jnp.asarray(recording["action"][order], jnp.float32))
        for order in (rows, rows[mixed])
    ]
    (whole, *seen), (mixed_whole, *mixed_seen) = jax.device_get(outcomes)
    for a, b in zip(seen, mixed_seen, strict=True):
        np.testing.assert_array_equal(a[mixed], b)
    for a, b in zip(jax.tree.leaves(whole), jax.tree.leaves(mixed_whole), strict=True):
        np.testing.assert_array_equal(a[..., mixed], b)


@pytest.mark.slow
def test_a_walker_does_not_depend_on_the_number_of_walkers():
    recording, count = np.load(TRIMMED), 24
    few, many = np.arange(count) + 20, np.resize(np.arange(count) + 20, BATCH)
    whole, part = (
        jax.device_get(step(state_of(recording, rows), jnp.asarray(recording["action"][rows], jnp.float32)))
        for rows in (many, few)
    )
    for a, b in zip(jax.tree.leaves(whole[0]), jax.tree.leaves(part[0]), strict=True):
        np.testing.assert_array_equal(a[..., :count], b)
    for a, b in zip(whole[1:], part[1:], strict=True):
        np.testing.assert_array_equal(a[:count], b)


@pytest.mark.slow
def test_a_lone_walker_is_one_of_many():
    recording, rows = np.load(TRIMMED), np.resize(np.arange(40), BATCH)
    state, action = state_of(recording, rows), jnp.asarray(recording["action"][rows], jnp.float32)
    many, observation, reward, terminated, *_ = step(state, action)
    for row in range(40):
        alone = Moment(
            jax.tree.map(lambda leaf, row=row: leaf[..., row], state), observation[0], reward[0], terminated[0]
        )
        alone = BipedalWalkerFuncEnv().transition(alone, action[row])
        for a, b in zip(jax.tree.leaves(many), jax.tree.leaves(alone.walker), strict=True):
            np.testing.assert_array_equal(a[..., row], b)
        np.testing.assert_array_equal(alone.observation, observation[row])
        assert (alone.reward, alone.terminated) == (reward[row], terminated[row])


@pytest.fixture(scope="module")
def free_run():
    """Return what 16 walkers of gymnasium and ours do on the same terrains, with the same actions, for 10 steps."""
    seeds, rng = range(16), np.random.default_rng(0)
    terrain = gymnasium_terrain([seeds[i % 16] for i in range(BATCH)])
    state, *_ = step(walker.walker.initial(terrain), jnp.zeros((BATCH, 4)))
    envs = [BipedalWalker() for _ in seeds]
    first = np.array([env.reset(seed=seed)[0] for env, seed in zip(envs, seeds, strict=True)])
    ours, theirs = [], []
    for _ in range(10):
        actions = rng.uniform(-1, 1, (16, 4)).astype(np.float32)
        state, observation, reward, *_ = step(state, jnp.asarray(np.resize(actions, (BATCH, 4))))
        ours.append((np.moveaxis(np.asarray(state.position), -1, 0)[:16], observation[:16], reward[:16]))
        outcomes = [env.step(action) for env, action in zip(envs, actions, strict=True)]
        poses = [[(*b.worldCenter, b.angle) for b in (env.hull, *env.legs)] for env in envs]
        theirs.append((np.array(poses), np.array([o[0] for o in outcomes]), np.array([o[1] for o in outcomes])))
    for env in envs:
        env.close()
    return first, ours, theirs


def test_free_walkers_go_as_gymnasiums_do(free_run):
    _, ours, theirs = free_run
    position, observation, _ = (np.abs(a - b) for a, b in zip(ours[-1], theirs[-1], strict=True))
    assert np.median(position) < 2e-5 and position.max() < 5e-3
    assert np.median(observation) < 2e-5
    for (*_, a), (*_, b) in zip(ours[:5], theirs[:5], strict=True):
        np.testing.assert_allclose(a, b, atol=1e-3)


def test_the_first_observation_is_gymnasiums(free_run):
    terrain = gymnasium_terrain([i % 16 for i in range(BATCH)])
    observation = step(walker.walker.initial(terrain), jnp.zeros((BATCH, 4)))[1]
    np.testing.assert_allclose(observation[:16], free_run[0], atol=1e-5)


def test_the_time_limit_truncates():
    terrain = walker.generate(jax.random.split(jax.random.key(0), BATCH))
    state = walker.walker.initial(terrain)._replace(ticks=jnp.full(BATCH, TIME_LIMIT - 2))
    state, *_, truncated, _ = step(state, jnp.zeros((BATCH, 4)))
    assert not truncated.any()
    *_, truncated, _ = step(state, jnp.zeros((BATCH, 4)))
    assert truncated.all()
    assert gymnasium.spec("BipedalWalker-v3").max_episode_steps == TIME_LIMIT


def test_a_walker_that_walks_back_falls_off():
    terrain = walker.generate(jax.random.split(jax.random.key(0), BATCH))
    state = walker.walker.initial(terrain)
    back = state.position.at[:, 0].add(-5.0)
    _, _, reward, terminated, *_ = step(state._replace(position=back), jnp.zeros((BATCH, 4)))
    assert terminated.all() and (reward == -100).all()


def test_a_walker_arrives_at_the_end():
    terrain = walker.generate(jax.random.split(jax.random.key(0), BATCH))
    state = walker.walker.initial(terrain)
    ahead = state.position.at[:, 0].add(190 * 14 / 30 - 4.6).at[:, 1].add(20.0)
    _, _, reward, terminated, *_ = step(state._replace(position=ahead), jnp.zeros((BATCH, 4)))
    assert terminated.all() and (reward > -100).all()
