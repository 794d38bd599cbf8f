from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from dsjax import controller, evaluation, population
from dsjax.environment import make_vector
from dsjax.presets import preset
from dsjax.walker import make

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
        return evaluation.evaluate(envs, *trained[:1], SPEC, trained[1], list(members), terrains, **options)
    finally:
        envs.close()


def test_an_episode_is_what_a_plain_loop_would_play(trained):
    columns = play(trained, 3)
    state, member, terrain = trained[0], 1, 1
    one = jax.tree.map(lambda leaf: leaf[member], state.members)
    act = jax.jit(partial(controller.perform, jax.random.key(0), spec=SPEC, params=PARAMS))
    env = make(ID)
    observation, _ = env.reset(seed=evaluation.TERRAINS["validation-v1"] + terrain, options={})
    total, length, over, starts = 0.0, 0, False, True
    while not over:
        one, action, _ = act(one, observation, starts)
        observation, reward, terminated, truncated, _ = env.step(np.asarray(action))
        total, length, over, starts = total + reward, length + 1, terminated or truncated, False
    row = next(i for i in range(6) if (columns["member"][i], columns["terrain"][i]) == (member, terrain))
    # A lone controller outside a population rounds differently, which a long episode would make visible.
    assert abs(columns["length"][row] - length) <= 0.02 * length
    assert columns["return"][row] == pytest.approx(total, abs=2.0)


@pytest.mark.parametrize("weights", evaluation.WEIGHTS)
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
    first, second = sorted(evaluation.TERRAINS.values())
    assert second - first > 1_000_000
