"""Kernels, run without a GPU: the same as the functions that they are made of."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from falling_legs import falls
from walker_recordings import BATCH, TRIMMED, state_of, step

from dsjax import walker
from dsjax.walker.advancement import time_of_impact
from dsjax.walker.geometry import broadcasting
from dsjax.walker.kernel import CPU, GPU, elementwise


def mixed(x, number, flag):
    return {"sum": jnp.where(flag, x + number, x), "double": 2 * number, "not": ~flag}


@pytest.mark.parametrize("lanes", [1, 31, 32, 100])
def test_a_kernel_keeps_types_and_lanes(lanes):
    rng = np.random.default_rng(0)
    x, number = rng.normal(size=lanes).astype(np.float32), rng.integers(-5000, 5000, lanes).astype(np.int32)
    flag = rng.random(lanes) < 0.5
    with jax.numpy_dtype_promotion("standard"):
        expected = mixed(*map(jnp.asarray, (x, number, flag)))
        result = elementwise(mixed, tuple(map(jnp.asarray, (x, number, flag))), interpret=True)
    for name, value in expected.items():
        assert result[name].dtype == value.dtype
        np.testing.assert_array_equal(result[name], value)


def test_impacts_in_a_kernel():
    arguments = *falls(), jnp.ones(5, bool)
    plain = jax.jit(broadcasting(time_of_impact))(*arguments)
    kernel = jax.jit(broadcasting(lambda *given: elementwise(time_of_impact, given, interpret=True)))(*arguments)
    np.testing.assert_array_equal(kernel[0], plain[0])
    np.testing.assert_allclose(kernel[1], plain[1], atol=1e-6)


@pytest.mark.slow
def test_the_whole_step_lowers_to_kernels_for_a_gpu():
    keys = jax.random.split(jax.random.key(0), 64)
    state, _ = jax.eval_shape(lambda keys: walker.reset(keys, CPU), keys)
    step = jax.jit(lambda state, action: walker.step(state, action, GPU))
    lowered = step.trace(state, jax.ShapeDtypeStruct((64, 4), jnp.float32)).lower(lowering_platforms=("cuda",))
    assert lowered.as_text().count("__gpu$xla.gpu.triton") >= 4  # solver with few and with many contacts, impacts


@pytest.mark.slow
def test_a_step_in_kernels_is_the_plain_step():
    recording, rows = np.load(TRIMMED), np.arange(BATCH) % 40
    action = jnp.asarray(recording["action"][rows], jnp.float32)
    expected = step(state_of(recording, rows), action, CPU)
    few = state_of(recording, rows[:40])
    outcome = step(few, action[:40], GPU._replace(interpret=True))
    np.testing.assert_allclose(outcome[0].position, expected[0].position[..., :40], atol=1e-4)
    np.testing.assert_allclose(outcome[0].velocity, expected[0].velocity[..., :40], atol=1e-3)
    np.testing.assert_array_equal(outcome[3], expected[3][:40])
