import os
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from dsjax import receptors
from dsjax.receptors import ReceptorParams, ReceptorState

GOLDEN = Path(os.environ.get("DSJAX_GOLDEN", Path(__file__).parents[2] / "shared" / "golden"))
TRIMMED = Path(__file__).parent / "golden"  # the first 12,000 steps of each, less often
RECORDINGS = sorted(path for folder in (GOLDEN, TRIMMED) for path in folder.glob("chaotic_*.npz"))
DT = 20.0
BOTH = pytest.mark.parametrize("diffusing", [False, True], ids=["shared", "diffusing"])


@pytest.mark.parametrize("path", RECORDINGS, ids=lambda path: f"{path.parent.parent.name}-{path.stem}")
def test_golden_recordings_of_chaotic_synapses_replay(float64, path):
    recording, diffusing = np.load(path), "diffuse" in path.stem
    params = ReceptorParams(*(float(recording[name]) for name in ("drive", "self_excitation", "inertia")))
    params = params._replace(max_damping=float(recording["max_damping"]))
    dt, eta, gamma = (float(recording[name]) for name in ("dt", "learning_rate", "damping_rate"))
    state = ReceptorState(**{name: jnp.asarray(recording[f"init_{name}"]) for name in ReceptorState._fields})

    def body(state, modulator):
        state = receptors.advance(state, params, diffusing, dt)
        center = state.center + (state.weight - state.center) * modulator * eta * dt
        state = receptors.damp(state._replace(center=center), gamma * modulator * dt, params)
        return state, state

    _, states = jax.jit(lambda start: jax.lax.scan(body, start, jnp.asarray(recording["modulator"])))(state)
    for name in ReceptorState._fields:
        seen = getattr(states, name)[recording["trace_index"]]
        np.testing.assert_allclose(seen, recording[name], rtol=1e-9, atol=1e-9, err_msg=name)


def run(state, params, diffusing, steps):
    def body(state, _):
        state = receptors.advance(state, params, diffusing, DT)
        return state, state

    return jax.jit(lambda start: jax.lax.scan(body, start, length=steps)[1])(state)


@BOTH
def test_weights_swing_about_their_centers_with_a_period_of_some_17_seconds(diffusing):
    state = receptors.init(jax.random.key(0), (4, 12), ReceptorParams(), diffusing)
    states = run(state, ReceptorParams(), diffusing, 12_000)
    weight = np.asarray(states.weight)[3_000:].reshape(-1, 48)
    assert 0.05 < weight.min() < 0.15 and 0.35 < weight.max() < 0.55
    above = weight > np.asarray(state.center).reshape(-1)
    upwards = (np.flatnonzero(column) for column in (above[1:] & ~above[:-1]).T)
    periods = np.concatenate([np.diff(times) for times in upwards]) * DT / 1000
    assert np.median(periods) == pytest.approx(17, abs=2)
    assert periods.min() > 10 and periods.max() < 24


def test_no_receptor_is_lost_where_they_diffuse(float64):
    state = receptors.init(jax.random.key(1), (3, 8), ReceptorParams(), True)
    states = run(state, ReceptorParams(), True, 2_000)
    np.testing.assert_allclose((states.weight + states.pool).sum(axis=2), 8.0, rtol=1e-9)


def test_a_shared_pool_is_one_step_behind():
    state = receptors.init(jax.random.key(2), (2, 5), ReceptorParams(), False)
    after = receptors.advance(state, ReceptorParams(), False, DT)
    free = (1 - np.asarray(state.weight)).mean(axis=1, keepdims=True)
    np.testing.assert_allclose(after.pool, np.broadcast_to(free, (2, 5)), rtol=1e-6)


@BOTH
def test_a_synapse_at_its_center_with_even_concentrations_rests(float64, diffusing):
    """Where w = c, and p = w / E by the definition of E, nothing drives the receptors."""
    center = jnp.full((1, 6), 0.25)
    pool = receptors.begin_pool(center, diffusing)
    state = ReceptorState(center, center, jnp.zeros_like(center), pool, jnp.full((1, 6), 14_000.0))
    after = run(state, ReceptorParams(), diffusing, 100)
    np.testing.assert_allclose(after.weight, 0.25, atol=1e-12)


@BOTH
def test_reward_damps_the_swing_and_punishment_frees_it(diffusing):
    params = ReceptorParams()
    state = receptors.init(jax.random.key(3), (2, 8), params, diffusing)
    tame, free = receptors.damp(state, 1e-5, params), receptors.damp(state, -1e-5, params)
    assert (tame.damping > state.damping).all() and (free.damping < state.damping).all()
    calm = state._replace(damping=jnp.full_like(state.damping, params.max_damping))
    swing = [
        np.asarray(run(each, params, diffusing, 8_000).weight)[4_000:].std(axis=0).mean() for each in (state, calm)
    ]
    assert swing[1] < 0.5 * swing[0]
