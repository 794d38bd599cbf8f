import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import stats

from dsjax import controller, population, synapse
from dsjax.presets import preset

PARAMS = jax.tree.map(jnp.float32, preset("iros2018")[1].synapse)
STEP = 33.0


def run(state, steps, params=PARAMS, key=None):
    """Step synapses without learning; return the final state and the trace of every state."""
    key = jax.random.key(7) if key is None else key

    def body(state, step):
        state = synapse.step(jax.random.fold_in(key, step), state, params, STEP)
        return state, state

    return jax.jit(lambda s: jax.lax.scan(body, s, jnp.arange(steps)))(state)


def test_sine_in_float64(float64):
    x = np.linspace(-30, 30, 100_001)
    np.testing.assert_allclose(synapse.sine(jnp.asarray(x)), np.sin(2 * np.pi * x), atol=2e-13)


def test_sine_in_float32():
    x = np.linspace(-2, 2, 10_001).astype(np.float32)
    np.testing.assert_allclose(synapse.sine(jnp.asarray(x)), np.sin(2 * np.pi * x.astype(float)), atol=5e-7)


def test_weight_stays_within_the_amplitude_of_its_center():
    state = synapse.init(jax.random.key(0), (50,), PARAMS)
    _, trace = run(state, 2000)
    distance = np.abs(trace.weight - trace.center)
    assert distance.max() <= PARAMS.amplitude * (1 + 1e-6)
    assert distance.max(axis=0).min() > 0.99 * PARAMS.amplitude  # and every weight gets there


def test_weight_is_a_sine_of_time_while_the_period_lasts():
    state = synapse.init(jax.random.key(0), (5,), PARAMS)._replace(time=jnp.zeros(5))
    state = synapse.at_center(state, state.center, PARAMS)
    _, trace = run(state, 300)
    time = STEP * np.arange(1, 301)[:, None]
    expected = np.asarray(state.center) + 0.2 * np.sin(2 * np.pi * time / 20000.0)
    np.testing.assert_allclose(trace.weight, expected, atol=1e-6)


def test_new_periods_are_normal_and_each_synapse_draws_its_own():
    state = synapse.init(jax.random.key(0), (4000,), PARAMS)
    _, trace = run(state, 650)
    trace = np.asarray(trace.period)
    changed = trace != 20000.0
    assert changed[-1].all()
    # The first new period of each: those running at a given time would be too long, as short ones are over sooner.
    periods = trace[changed.argmax(axis=0), np.arange(4000)]
    assert stats.kstest(periods, "norm", (20000.0, 2000.0)).pvalue > 0.01
    assert len(np.unique(periods)) > 0.99 * len(periods)


def test_a_cycle_lasts_its_period():
    state = synapse.init(jax.random.key(0), (200,), PARAMS)
    _, trace = run(state, 2500)
    period = np.asarray(trace.period)
    for column in range(200):
        renewals = np.flatnonzero(np.diff(period[:, column])) + 1
        lengths = np.diff(renewals) * STEP
        np.testing.assert_allclose(lengths, period[renewals[:-1], column], atol=2 * STEP)


def test_zero_time_changes_nothing_but_the_next_period():
    state = synapse.init(jax.random.key(1), (20,), PARAMS)
    state, _ = run(state, 100)
    # As after learning: the center has moved since the weight was computed.
    state = state._replace(center=state.center + 0.01)
    after = jax.jit(lambda s: synapse.step(jax.random.key(2), s, PARAMS, jnp.float32(0)))(state)
    for name in set(state._fields) - {"next_period"}:
        np.testing.assert_array_equal(getattr(after, name), getattr(state, name), err_msg=name)


def test_amplitude_in_float32_follows_float64_over_ten_million_steps():
    steps = 10_000_000
    decay = preset("iros2018")[1].learning.amplitude_decay
    # Rewards like a walker's: small ones of either sign, and now and then a fall.
    rng = np.random.default_rng(0)
    block = rng.normal(0.15, 0.3, 100_000).astype(np.float32)
    block[rng.integers(0, len(block), 50)] = -100.0
    rewards = jnp.asarray(block)

    def body(state, step):
        amount = jnp.float32(decay) * rewards[step % len(block)] * jnp.float32(STEP)
        return synapse.fade(state, amount), None

    state = synapse.init(jax.random.key(0), (1,), PARAMS)
    state, _ = jax.jit(lambda s: jax.lax.scan(body, s, jnp.arange(steps)))(state)
    exact = 0.2 * np.exp(-decay * STEP * block.astype(np.float64).sum() * (steps // len(block)))
    assert abs(exact / 0.2 - 1) > 0.05  # it did fade
    assert abs(float(synapse.amplitude(state, PARAMS)) / exact - 1) < 1e-4


@pytest.mark.parametrize("period_cv", [0.2, 1.0, 5.0])
def test_no_period_is_shorter_than_what_lies_between_two_draws(period_cv):
    """Of a normal distribution without a cut, a draw in 10,000 is below at 0.2, and one in six negative at 1.0."""
    params = PARAMS._replace(period=jnp.float32(5000), period_cv=jnp.float32(period_cv))
    state = synapse.init(jax.random.key(0), (100_000,), params)
    drawn = synapse.draw_periods(jax.random.key(1), state, params)
    for each in (state, drawn, synapse.scatter(jax.random.key(2), state, params)):
        shortest = float(each.next_period.min())
        assert shortest == pytest.approx(synapse.SHORTEST * 5000)
        assert shortest > population.REDRAW_STEPS * controller.TIME_STEP


def test_the_cut_of_periods_touches_no_published_one():
    """Float32 normals end below six standard deviations, and the cut lies at 7.5."""
    state = synapse.init(jax.random.key(0), (2_000_000,), PARAMS)
    noise = jax.random.normal(jax.random.key(1), state.period.shape)
    drawn = synapse.draw_periods(jax.random.key(1), state, PARAMS).next_period
    np.testing.assert_array_equal(drawn, PARAMS.period * (1 + PARAMS.period_cv * noise))
    smallest = jnp.sqrt(2.0) * jax.lax.erf_inv(jnp.nextafter(jnp.float32(-1), jnp.float32(0)))
    assert 1 + float(PARAMS.period_cv) * float(smallest) > synapse.SHORTEST
