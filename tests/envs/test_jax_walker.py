"""Walkers in JAX behind the vector env of the other backends."""

import numpy as np
import pytest

from dsjax.envs.make import BACKENDS, choose, make_vector

pytestmark = pytest.mark.slow  # compiling takes minutes

ID = "BipedalWalker-v3"
SEEDS = [5, 6 << 32, 7, 2**63 - 1]


@pytest.fixture(scope="module")
def envs():
    envs = make_vector(ID, 4, "jax")
    yield envs
    envs.close()


def play(envs, seeds, steps=150):
    """Return all that actions held for ten steps bring: a list of arrays (4, ...)."""
    rng = np.random.default_rng(0)
    seen = [envs.reset(seed=seeds, options={})[0].copy()]
    for step in range(steps):
        if step % 10 == 0:
            actions = rng.uniform(-1, 1, (4, 4)).astype(np.float32)
        seen += [np.array(value) for value in envs.step(actions)[:4]]
    return seen


@pytest.fixture(scope="module")
def whole(envs):
    return play(envs, SEEDS)


def test_the_interface_is_that_of_the_other_backends(envs, whole):
    other = make_vector(ID, 4, "sync")
    assert envs.single_observation_space == other.single_observation_space
    assert (envs.groups, envs.num_envs, envs.metadata) == (other.groups, other.num_envs, other.metadata)
    theirs = [other.reset(seed=SEEDS, options={})[0], *other.step(np.zeros((4, 4), np.float32))[:4]]
    for ours, their in zip(whole, theirs, strict=False):
        assert ours.shape == their.shape
        assert ours.dtype == (their.dtype if their.dtype != np.float64 else np.float32)
    other.close()


def test_a_reset_is_a_function_of_its_seeds(envs, whole):
    again, other = play(envs, SEEDS), play(envs, [9, *SEEDS[1:]])
    for a, b, c in zip(whole, again, other, strict=True):
        np.testing.assert_array_equal(a, b)
        np.testing.assert_array_equal(a[1:], c[1:])
    assert not np.array_equal(whole[0][0], other[0][0])
    assert len(np.unique(whole[0][:, 14])) == 4  # terrains and pushes of their own


def test_an_env_without_a_seed_stays_idle_and_disturbs_nobody(envs, whole):
    some = play(envs, [SEEDS[0], None, *SEEDS[2:]])
    for a, b in zip(whole, some, strict=True):
        np.testing.assert_array_equal(a[[0, 2, 3]], b[[0, 2, 3]])
        assert not b[1].any()


def test_an_end_is_told_once_and_the_next_step_resets(envs, whole):
    reward, terminated = np.array(whole[2::4]), np.array(whole[3::4])
    observation = np.array(whole[1::4])
    assert terminated.sum() >= 2
    fell = reward == -100
    assert fell.any() and (terminated | ~fell).all()
    after = np.roll(terminated, 1, axis=0)
    after[0] = False
    assert not reward[after].any() and not terminated[after].any()
    first = whole[0]
    for step, walker in np.argwhere(after):
        new = observation[step, walker]
        np.testing.assert_allclose(new[:14], first[walker, :14], atol=0.3)  # it stands as at a start ...
        assert not np.array_equal(new, first[walker])  # ... with another terrain or push


def test_the_time_limit_truncates(envs):
    envs.reset(seed=SEEDS, options={})
    walker = envs._episodes.walker
    envs._episodes = envs._episodes._replace(walker=walker._replace(ticks=walker.ticks + 1598))
    outcomes = [envs.step(np.zeros((4, 4), np.float32)) for _ in range(3)]
    assert [outcome[3].tolist() for outcome in outcomes] == [[False] * 4, [True] * 4, [False] * 4]
    assert not any(outcome[2].any() for outcome in outcomes)
    assert not outcomes[2][1].any()  # the reset's reward


def test_what_it_cannot_do_is_refused(envs):
    with pytest.raises(ValueError, match="the jax backend plays no series of episodes"):
        envs.reset(seed=SEEDS, options={"episodes": 3})
    with pytest.raises(ValueError, match=r"environment\.backend = 'jax': its walkers show no window"):
        make_vector(ID, 2, "jax", render=0)


def test_it_is_never_chosen_unasked():
    assert "jax" in BACKENDS and choose("jax", 8) == "jax"
    assert all(choose("auto", count, gymnasium_only=only) != "jax" for count in (1, 8, 4096) for only in (True, False))
