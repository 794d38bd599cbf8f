import jax.numpy as jnp
import numpy as np
import pytest

from dsjax import observation

VALUES = np.linspace(-1, 1, 24)
SCALE = np.array([2, 5, 2, 2, 1, 0.5, 1, 0.3, 1, 1, 0.5, 1, 0.25, 1, 2] + [1] * 9)  # as reference, h = 2


@pytest.mark.parametrize("negative_half", [True, False])
def test_encoding_is_the_equation(float64, negative_half):
    inputs = np.asarray(observation.encode(jnp.asarray(VALUES), 2.0, negative_half))
    x, lidar = (VALUES * SCALE)[:14], (VALUES * SCALE)[14:]
    negative = np.minimum(x, 0) if negative_half else np.zeros(14)
    np.testing.assert_allclose(inputs, np.concatenate([np.maximum(x, 0), negative, lidar, [1]]), atol=1e-15)
    assert inputs.shape == (observation.INPUTS,)
