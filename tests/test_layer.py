import jax
import jax.numpy as jnp
import numpy as np
import pytest

from dsjax import layer, learning, synapse
from dsjax.fluctuation import NOISE
from dsjax.hyperparameters import LearningParams, LearningSpec, SynapseParams
from dsjax.layer import LayerParams

PARAMS = LayerParams(
    SynapseParams(amplitude=0.5, period=10_000.0, period_cv=0.2, center_range=0.1),
    LearningParams(learning_rate=1e-3, amplitude_decay=0.0, baseline_time=20_000.0, floor=-0.5, averaging_time=5_000.0),
)
SPEC, DT = LearningSpec(annealed=True, timed=True), 33.0


def test_it_is_the_parts_in_their_order():
    state = layer.init(jax.random.key(0), (2, 3), SPEC, PARAMS)
    synapses = synapse.init(jax.random.key(0), (2, 3), PARAMS.synapse)
    learned = learning.init(synapses, SPEC, PARAMS.learning)
    for number, key in enumerate(jax.random.split(jax.random.key(1), 30)):
        reward = jnp.cos(jnp.float32(number))  # below the floor at times
        state = layer.learn(key, state, reward, SPEC, PARAMS, DT, effort=0.5)
        synapses = synapse.draw_periods(key, synapses, PARAMS.synapse)
        modulator = jnp.maximum(reward, learning.annealed(learned, PARAMS.learning).floor)
        learned, synapses = learning.step(learned, synapses, modulator, 0.5, SPEC, PARAMS.learning, PARAMS.synapse, DT)
    for one, other in zip(jax.tree.leaves(state), jax.tree.leaves((synapses, learned)), strict=True):
        np.testing.assert_array_equal(one, other)
    np.testing.assert_array_equal(state.weights, synapses.weight)
    np.testing.assert_array_equal(state.centers, learned.average)


@pytest.mark.parametrize("kind", [layer.SINUSOID, NOISE])
def test_it_finds_the_weight_that_pays(kind):
    """The reward is the nearness of one of two weights to a goal; without its reward nothing is found."""

    def train(goal, key):
        first, *keys = jax.random.split(key, 2)
        params = PARAMS._replace(learning=PARAMS.learning._replace(learning_rate=3e-4, annealing=1e9))

        def tick(state, key):
            reward = -((state.weights[0] - goal) ** 2)
            return layer.learn(key, state, reward, LearningSpec(), params, DT, kind=kind), None

        state = layer.init(first, (2,), LearningSpec(), params, kind)
        return jax.lax.scan(tick, state, jax.random.split(keys[0], 30_000))[0].centers

    centers = jax.vmap(train, (0, None))(jnp.array([0.7, -0.4]), jax.random.key(3))
    assert np.abs(centers[:, 0] - np.array([0.7, -0.4])).max() < 0.15


def test_no_time_changes_nothing_that_acts():
    state = layer.init(jax.random.key(0), (4,), SPEC, PARAMS)
    after = layer.learn(jax.random.key(1), state, 1.0, SPEC, PARAMS, 0.0)
    np.testing.assert_array_equal(after.weights, state.weights)
    np.testing.assert_array_equal(after.centers, state.centers)


def test_an_episode_begins_at_age_0():
    state = layer.init(jax.random.key(0), (4,), SPEC, PARAMS)
    state = layer.learn(jax.random.key(1), state, 1.0, SPEC, PARAMS, DT)
    assert state.learning.timing.age == DT
    assert layer.begin_episode(state).learning.timing.age == 0.0


def test_a_reward_must_be_a_scalar():
    state = layer.init(jax.random.key(0), (4,), SPEC, PARAMS)
    with pytest.raises(ValueError, match="modulator"):
        layer.learn(jax.random.key(1), state, jnp.zeros(4), SPEC, PARAMS, DT)
