import jax.numpy as jnp
import numpy as np
import pytest

from dsjax import neuron
from dsjax.neuron import NeuronParams, NeuronState

PARAMS = NeuronParams(sensitivity=0.5, rate=1e-4, target=0.3, minimum=0.0, maximum=np.inf)
INPUTS = np.array([-1.0, 0.0, 0.5, 2.0])
SENSITIVITY = np.array([0.5, 0.02, 30.0, 1.5])


def expected(adaptation, dt):
    y = np.maximum(np.tanh(INPUTS * SENSITIVITY), 0)
    error, log = 0.3 - y, np.log10(SENSITIVITY)
    factor = {"none": 0, "linear": 1, "nonlinear": (2 - log) * (log + 2) / 4}[adaptation]
    return SENSITIVITY + error * 1e-4 * dt * factor, y


@pytest.mark.parametrize("adaptation", neuron.ADAPTATIONS)
def test_step_is_the_equation(float64, adaptation):
    state, y = neuron.step(NeuronState(jnp.asarray(SENSITIVITY)), jnp.asarray(INPUTS), adaptation, PARAMS, 33.0)
    sensitivity, activity = expected(adaptation, 33.0)
    np.testing.assert_allclose(state.sensitivity, sensitivity, rtol=1e-13)
    np.testing.assert_allclose(y, activity, rtol=1e-13)


def test_bounds_hold(float64):
    params = PARAMS._replace(minimum=0.4, maximum=1.0)
    state, _ = neuron.step(NeuronState(jnp.asarray(SENSITIVITY)), jnp.asarray(INPUTS), "linear", params, 33.0)
    assert state.sensitivity.min() == 0.4
    assert state.sensitivity.max() == 1.0


@pytest.mark.parametrize("adaptation", ["linear", "nonlinear"])
def test_activity_reaches_its_target(float64, adaptation):
    state, params = neuron.init(1, PARAMS), PARAMS._replace(rate=1e-3)
    for _ in range(3000):
        state, y = neuron.step(state, jnp.array([0.4]), adaptation, params, 33.0)
    assert abs(float(y[0]) - 0.3) < 1e-3


def test_unknown_adaptation_is_refused():
    with pytest.raises(ValueError, match="adaptation = 'cubic': must be one of none, linear, nonlinear"):
        neuron.step(neuron.init(1, PARAMS), jnp.zeros(1), "cubic", PARAMS, 33.0)
