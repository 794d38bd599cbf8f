from functools import partial
from typing import get_args

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from dsjax import population
from dsjax.envs.bipedal import make
from dsjax.envs.make import make_vector
from dsjax.envs.task import TERRAINS, Weights
from dsjax.evaluation.evaluate import evaluate, step
from dsjax.presets import preset

ID = "BipedalWalker-v3"
SPEC, PARAMS = preset("iros2018")
MEMBERS = 3


@pytest.fixture(scope="module")
def trained():
    """A population whose centers are such that walkers fall early: evaluation must not need good ones."""
    params = population.share(PARAMS, MEMBERS)
    return population.init(jax.random.key(4), jnp.arange(MEMBERS), SPEC, params), params


def play(trained, slots, members=(0, 1, 2), terrains=range(2), **options):
    envs = make_vector(ID, slots, "sync")
    try:
        return evaluate(envs, *trained[:1], SPEC, trained[1], list(members), terrains, **options)
    finally:
        envs.close()


def test_an_episode_is_what_a_plain_loop_would_play(trained):
    columns = play(trained, 3)
    state, member, terrain = trained[0], 1, 1
    # Twice, as a lone controller outside a population rounds differently.
    twice = population.select(state, np.array([member, member]))
    one, params = twice.members, population.share(PARAMS, 2)
    act = partial(jax.jit(population.perform, static_argnames="spec"), spec=SPEC)
    env = make(ID)
    observation, _ = env.reset(seed=TERRAINS["validation-v1"] + terrain, options={})
    total, length, over, starts = 0.0, 0, False, True
    while not over:
        one, action, _ = act(twice.key, one, np.stack([observation] * 2), np.array([starts] * 2), params=params)
        observation, reward, terminated, truncated, _ = env.step(np.asarray(action)[0])
        total, length, over, starts = total + float(reward), length + 1, terminated or truncated, False
    row = next(i for i in range(6) if (columns["member"][i], columns["terrain"][i]) == (member, terrain))
    assert (columns["length"][row], columns["return"][row]) == (length, total)


@pytest.mark.parametrize("weights", get_args(Weights))
def test_the_number_of_slots_changes_nothing(trained, weights):
    few, many = play(trained, 3, weights=weights), play(trained, 8, weights=weights)
    assert few == many
    assert list(zip(few["member"], few["terrain"], strict=True)) == [(m, t) for m in range(3) for t in range(2)]


def test_any_members_and_terrains(trained):
    whole, part = play(trained, 3), play(trained, 4, members=[2], terrains=range(1, 2))
    assert part["member"] == [2]
    assert part["terrain"] == [1]
    assert part["return"] == whole["return"][-1:]


def test_oscillating_weights_act_differently(trained):
    assert play(trained, 3)["return"] != play(trained, 3, weights="oscillating")["return"]


def test_terrain_sets_are_apart_from_each_other():
    first, second = sorted(TERRAINS.values())
    assert second - first > 1_000_000


def test_each_terrain_set_has_an_oscillation_of_its_own(trained):
    """Terrain 1 of one set and terrain 1 of another are different draws; `test-v1` draws what it always drew."""
    state, params = trained
    seen = np.ones(MEMBERS, int), np.zeros(MEMBERS, int), state.members, np.ones((MEMBERS, 24), np.float32)

    def act(oscillating, terrain_set):
        flags = np.ones(MEMBERS, bool)
        return np.asarray(step(state.key, *seen, flags, params, SPEC, oscillating, terrain_set)[1])

    assert (act(True, "test-v1") != act(True, "validation-v1")).all(axis=1).all()
    np.testing.assert_array_equal(act(False, "test-v1"), act(False, "validation-v1"))
    keys = jax.vmap(jax.random.wrap_key_data)(state.key)
    for number in (2**32 - 2, 1, 0):
        keys = jax.vmap(jax.random.fold_in, (0, None))(keys, jnp.uint32(number))
    _, action, _ = population.perform(
        jax.random.key_data(keys), state.members, seen[3], np.ones(MEMBERS, bool), SPEC, params, oscillating=True
    )
    np.testing.assert_allclose(act(True, "test-v1"), action, atol=1e-6)
