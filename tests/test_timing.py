import jax.numpy as jnp
import numpy as np
import pytest

from dsjax import timing

STEP = 33.0


def run(state, surprises, rate=0.2):
    for surprise in surprises:
        state = timing.update(state, surprise, rate, STEP)
    return state


def test_intervals_grow_with_age_and_reach_to_the_end_of_an_episode(float64):
    ages = np.arange(1600) * STEP
    hot = np.array([timing._current(timing.TimingState(jnp.float64(age), jnp.zeros(timing.INTERVALS))) for age in ages])
    assert (hot.sum(axis=1) == 1).all()
    lengths = hot.sum(axis=0)
    assert (np.diff(hot.argmax(axis=1)) >= 0).all()
    assert lengths[:2].max() <= 2  # steps
    assert lengths.max() < 0.25 * 1600
    far = timing.TimingState(jnp.float64(1e9), jnp.zeros(timing.INTERVALS))
    assert timing._current(far)[-1]


def test_what_is_expected_is_the_mean_surprise_at_this_age(float64):
    state = timing.init()
    rng = np.random.default_rng(0)
    for _ in range(200):
        state = run(timing.begin_episode(state), np.sin(np.arange(100) / 60) + rng.normal(0, 0.1, 100))
    state = timing.begin_episode(state)
    assert state.age == 0
    for step in range(100):
        assert timing.expected(state) == pytest.approx(np.sin(step / 60), abs=0.3)
        state = timing.update(state, 0.0, 0.0, STEP)


def test_no_time_no_change():
    state = run(timing.init(), [1.0, 2.0, 3.0])
    after = timing.update(state, 5.0, 0.5, 0.0)
    assert after.age == state.age
    np.testing.assert_array_equal(after.surprise, state.surprise)
