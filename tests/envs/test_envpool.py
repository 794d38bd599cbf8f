import sys

import numpy as np
import pytest

pytest.importorskip("envpool")

import jax
import jax.numpy as jnp
from scipy import stats

from dsjax import population
from dsjax.envs.make import choose, make_vector
from dsjax.presets import preset

ID = "BipedalWalker-v3"
SEEDS = [5 << 32, 6 << 32, 7 << 32, 8 << 32]


def play(envs, seeds, steps=300):
    """Return all that random actions bring, each member's the same whoever else is there: a list of arrays (N, ...)."""
    actions = np.random.default_rng(0).uniform(-1, 1, (steps, len(SEEDS), 4)).astype(np.float32)
    seen = [envs.reset(seed=seeds, options={})[0].copy()]
    for action in actions:
        seen += [np.array(value) for value in envs.step(action[: envs.num_envs])[:4]]
    return seen


def test_a_reset_is_a_function_of_its_seeds():
    envs = make_vector(ID, 4, "envpool", 2)
    first, again = play(envs, SEEDS), play(envs, SEEDS)
    other = play(envs, [9 << 32, *SEEDS[1:]])
    envs.close()
    for a, b, c in zip(first, again, other, strict=True):
        np.testing.assert_array_equal(a, b)
        np.testing.assert_array_equal(a[1:], c[1:])
    assert np.any(first[3::4])  # some episode ended, and the next began
    assert not np.array_equal(first[0][0], other[0][0])


@pytest.mark.parametrize(("workers", "groups"), [(1, 1), (2, 1), (2, 2)])
def test_threads_groups_and_company_change_nothing(workers, groups):
    reference = make_vector(ID, 4, "envpool", 1)
    expected = play(reference, SEEDS)
    envs = make_vector(ID, 4, "envpool", workers, groups=groups)
    some = play(envs, [SEEDS[0], None, SEEDS[2], SEEDS[3]])
    reference.close()
    envs.close()
    for a, b in zip(expected, some, strict=True):
        np.testing.assert_array_equal(a[[0, 2, 3]], b[[0, 2, 3]])
        assert not b[1].any()  # the one that rests


def test_a_group_that_rests_altogether():
    envs = make_vector(ID, 4, "envpool", 2, groups=2)
    seen = play(envs, [None, None, *SEEDS[2:]], steps=5)
    envs.close()
    for value in seen:
        assert not value[:2].any()


def test_a_fall_ends_an_episode_with_minus_100_and_the_next_step_resets():
    envs = make_vector(ID, 4, "envpool", 1)
    seen = play(envs, SEEDS, steps=1000)
    envs.close()
    reward, terminated = np.array(seen[2::4]), np.array(seen[3::4])
    assert terminated.sum() > 4
    np.testing.assert_array_equal(reward[terminated], -100)
    after = np.roll(terminated, 1, axis=0)
    after[0] = False
    np.testing.assert_array_equal(reward[after], 0)


def test_there_are_no_evaluations_on_envpool():
    envs = make_vector(ID, 2, "envpool")
    with pytest.raises(ValueError, match="EnvPool plays no series of episodes"):
        envs.reset(seed=[1, 2], options={"episodes": 3})
    envs.close()
    assert choose("auto", 8, gymnasium_only=True) != "envpool"


def test_what_is_not_installed_is_refused_with_the_remedy(monkeypatch):
    monkeypatch.setattr("dsjax.envs.envpool.available", lambda: False)
    monkeypatch.setitem(sys.modules, "envpool", None)  # importing it fails as if it were not there
    with pytest.raises(ValueError, match=r"'envpool': it is not installed; pip install 'dsjax\[fast\]'"):
        choose("envpool")
    assert choose("auto", 1) == "sync"


def test_a_window_needs_gymnasium():
    with pytest.raises(ValueError, match="EnvPool shows no window"):
        make_vector(ID, 2, "envpool", render=0)


MEMBERS, SLOTS, EPISODES = 8, 32, 7


def episodes(backend, factor=1.0):
    """Let untrained controllers play the same number of episodes each; return all (returns, lengths)."""
    spec, params = preset("readme")
    params = population.share(params, MEMBERS)
    state = population.init(jax.random.key(2), jnp.arange(MEMBERS), spec, params)
    owner = np.arange(SLOTS) % MEMBERS
    members, numbers = jax.tree.map(lambda leaf: leaf[owner], (state.members, params))
    keys = state.key[owner]
    act = jax.jit(lambda m, o, s: population.perform(keys, m, o, s, spec, numbers))
    envs = make_vector(ID, SLOTS, backend)
    observation, _ = envs.reset(seed=[(1000 + slot) << 32 for slot in range(SLOTS)], options={})
    starts, ends = np.ones(SLOTS, bool), np.zeros(SLOTS, bool)
    total, length, found = np.zeros(SLOTS), np.zeros(SLOTS, int), [[] for _ in range(SLOTS)]
    while min(map(len, found)) < EPISODES:
        members, action, _ = act(members, observation, starts)
        observation, reward, terminated, truncated, _ = envs.step(factor * np.asarray(action))
        starts, ends = ends, terminated | truncated
        total += np.where(starts, 0, reward)
        length += ~starts
        for slot in np.flatnonzero(ends & ~starts):
            found[slot].append((total[slot], length[slot]))
            total[slot], length[slot] = 0, 0
    envs.close()
    return np.array([episode for slot in found for episode in slot[:EPISODES]]).T


@pytest.mark.slow
def test_episodes_are_distributed_like_gymnasiums():
    ours, theirs, weaker = episodes("envpool"), episodes("async"), episodes("envpool", factor=0.8)
    assert ours.shape == theirs.shape == (2, SLOTS * EPISODES)
    for mine, true, other in zip(ours, theirs, weaker, strict=True):
        assert stats.ks_2samp(mine, true).pvalue > 0.01
        assert stats.ks_2samp(mine, other).pvalue < 1e-3  # a fifth less torque would show
