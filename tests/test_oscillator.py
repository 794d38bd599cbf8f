import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.integrate import solve_ivp

from dsjax import oscillator
from dsjax.oscillator import OscillatorState
from dsjax.presets import preset

PARAMS = preset("iros2018")[1].oscillator
START = OscillatorState(v=np.array([0.4, -0.9]), w=np.array([0.1, 0.3]))
CURRENT = np.array([0.2, -0.1])


def scipy_field(params):
    def field(_, y):
        v, w = y[:2], y[2:]
        current = CURRENT - params.coupling * v[::-1]
        dv = (v - v**3 - w + current) * params.rate
        dw = params.recovery * (params.recovery_gain * v - params.recovery_decay * w) * params.rate
        return np.concatenate([dv, dw])

    return field


def integrate(params, dt, steps, state=START):
    params = jax.tree.map(jnp.asarray, params)
    state = jax.tree.map(jnp.asarray, state)

    def body(state, _):
        state = oscillator.step(state, jnp.asarray(CURRENT), params, dt)
        return state, state

    return jax.lax.scan(body, state, length=steps)


@pytest.mark.parametrize("coupling", [0.0, 0.3])
def test_runge_kutta_is_of_order_4(float64, coupling):
    params = PARAMS._replace(coupling=coupling)
    duration, y0 = 400.0, np.concatenate(START)
    exact = solve_ivp(scipy_field(params), (0, duration), y0, rtol=1e-12, atol=1e-13).y[:, -1]
    steps = np.array([160, 320, 640])
    errors = [np.abs(np.concatenate(integrate(params, duration / n, n)[0]) - exact).max() for n in steps]
    orders = np.log2(np.array(errors[:-1]) / np.array(errors[1:]))
    np.testing.assert_allclose(orders, 4, atol=0.1)


def test_limit_cycle_has_the_period_that_scipy_finds(float64):
    def crossing(_, y):
        return y[0]

    crossing.direction = 1
    solution = solve_ivp(
        scipy_field(PARAMS), (0, 60_000), np.concatenate(START), rtol=1e-10, atol=1e-12, events=crossing
    )
    expected = np.diff(solution.t_events[0][-6:]).mean()
    dt = 33.0
    _, trace = integrate(PARAMS, dt, 4000)
    v = np.asarray(trace.v[:, 0])
    before = np.flatnonzero((v[:-1] < 0) & (v[1:] >= 0))
    times = (before + v[before] / (v[before] - v[before + 1])) * dt
    period = np.diff(times[-20:]).mean()
    assert abs(period / expected - 1) < 2e-3
    assert 1000 < period < 10_000  # about a stride


def test_coupling_drives_oscillators_to_anti_phase(float64):
    def correlation(strength):
        _, trace = integrate(PARAMS._replace(coupling=strength), 33.0, 4000, OscillatorState(START.v, START.w))
        v = np.asarray(trace.v[2000:])
        return np.corrcoef(v[:, 0], v[:, 1])[0, 1]

    assert correlation(0.3) < -0.9


def test_zero_time_changes_nothing():
    state = jax.tree.map(jnp.float32, START)
    after = oscillator.step(state, jnp.float32(CURRENT), PARAMS, 0.0)
    np.testing.assert_array_equal(after.v, state.v)
    np.testing.assert_array_equal(after.w, state.w)


def test_state_is_clipped():
    wild = OscillatorState(v=jnp.array([3.0, -3.0]), w=jnp.array([2.5, -2.5]))
    after = oscillator.step(wild, jnp.zeros(2), PARAMS, 1e-3)
    assert np.abs(np.concatenate(after)).max() <= oscillator.LIMIT
