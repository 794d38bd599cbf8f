import os
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from dsjax import receptors
from dsjax.hyperparameters import SynapseParams
from dsjax.receptors import FIRST_DAMPING, MAX_DAMPING, SWING, ReceptorParams, ReceptorState

GOLDEN = Path(os.environ.get("DSJAX_GOLDEN", Path(__file__).parents[2] / "shared" / "golden"))
TRIMMED = Path(__file__).parent / "golden"  # the first 12,000 steps of each, less often
RECORDINGS = sorted(path for folder in (GOLDEN, TRIMMED) for path in folder.glob("chaotic_*.npz"))
DT = 20.0
NEURONS = np.repeat(np.arange(4), 12)
PARAMS = SynapseParams(amplitude=0.3, period=20_000.0, period_cv=0.1, center_range=0.2)
BOTH = pytest.mark.parametrize("diffusing", [False, True], ids=["shared", "diffusing"])


@pytest.mark.parametrize("path", RECORDINGS, ids=lambda path: f"{path.parent.parent.name}-{path.stem}")
def test_golden_recordings_of_chaotic_synapses_replay(float64, path):
    """There the home learns as a center, and damping is each synapse's own, though all have the same."""
    recording, diffusing = np.load(path), "diffuse" in path.stem
    start = {name: jnp.asarray(recording[f"init_{name}"]).ravel() for name in ("weight", "rate", "pool", "center")}
    rows, columns = recording["init_weight"].shape
    neurons = np.repeat(np.arange(rows), columns)
    params = ReceptorParams(*(float(recording[name]) for name in ("drive", "self_excitation", "inertia")))
    dt, eta, gamma = (float(recording[name]) for name in ("dt", "learning_rate", "damping_rate"))
    assert (recording["init_damping"] == FIRST_DAMPING).all()
    assert recording["max_damping"] == MAX_DAMPING
    state = ReceptorState(
        start["center"], start["weight"], start["weight"], start["rate"], start["pool"], start["center"],
        jnp.asarray(FIRST_DAMPING), jnp.asarray(0.0),
    )  # fmt: skip

    def body(state, modulator):
        state = receptors.move(state, params, dt, neurons, diffusing)
        home = state.home + (state.receptors - state.home) * modulator * eta * dt
        state = receptors.fade(state._replace(home=home), MAX_DAMPING * gamma * modulator * dt)
        return state, state

    _, states = jax.jit(lambda start: jax.lax.scan(body, start, jnp.asarray(recording["modulator"])))(state)
    names = {"receptors": "weight", "rate": "rate", "pool": "pool", "home": "center", "damping": "damping"}
    for ours, theirs in names.items():
        seen = getattr(states, ours)[recording["trace_index"]]
        seen = seen[:, None, None] if ours == "damping" else seen.reshape(-1, rows, columns)
        np.testing.assert_allclose(
            np.broadcast_to(seen, recording[theirs].shape), recording[theirs], rtol=1e-9, atol=1e-9, err_msg=theirs
        )


def begin(diffusing, seed=0, damping=FIRST_DAMPING):
    state = receptors.init(jax.random.key(seed), (48,), PARAMS, neurons=NEURONS, diffusing=diffusing)
    return state._replace(damping=jnp.full_like(state.damping, damping))


def run(state, diffusing, steps):
    def body(state, _):
        state = receptors.advance(state, PARAMS, DT, neurons=NEURONS, diffusing=diffusing)
        return state, state

    return jax.jit(lambda start: jax.lax.scan(body, start, length=steps)[1])(state)


@BOTH
def test_receptors_swing_about_their_homes_with_a_period_of_some_17_seconds(diffusing):
    state = begin(diffusing)
    held = np.asarray(run(state, diffusing, 12_000).receptors)[3_000:]
    assert 0.05 < held.min() < 0.15 and 0.35 < held.max() < 0.55
    above = held > np.asarray(state.home)
    upwards = (np.flatnonzero(column) for column in (above[1:] & ~above[:-1]).T)
    periods = np.concatenate([np.diff(times) for times in upwards]) * DT / 1000
    assert np.median(periods) == pytest.approx(17, abs=2)
    assert periods.min() > 10 and periods.max() < 24


@BOTH
@pytest.mark.parametrize("damping", [FIRST_DAMPING, 2 * FIRST_DAMPING, 0.9 * MAX_DAMPING])
def test_weights_deviate_as_far_as_a_sine_of_the_amplitude(diffusing, damping):
    state = begin(diffusing, damping=damping)
    deviation = np.asarray(run(state, diffusing, 10_000).weight)[4_000:] - np.asarray(state.center)
    amplitude = float(receptors.amplitude(state, PARAMS))
    assert np.sqrt(2) * deviation.std(axis=0).mean() == pytest.approx(amplitude, rel=0.1)
    if damping == FIRST_DAMPING:
        assert amplitude == pytest.approx(PARAMS.amplitude)


def test_no_receptor_is_lost_where_they_diffuse(float64):
    states = run(begin(True, seed=1), True, 2_000)
    held = np.asarray(states.receptors + states.pool).reshape(-1, 4, 12).sum(axis=2)
    np.testing.assert_allclose(held, 12.0, rtol=1e-9)


def test_a_shared_pool_is_one_step_behind():
    state = begin(False, seed=2)
    after = receptors.advance(state, PARAMS, DT, neurons=NEURONS, diffusing=False)
    free = (1 - np.asarray(state.receptors)).reshape(4, 12).mean(axis=1)
    np.testing.assert_allclose(after.pool, np.repeat(free, 12), rtol=1e-6)


@BOTH
def test_dendrites_are_apart(diffusing):
    state = begin(diffusing)
    other = state._replace(receptors=state.receptors.at[0].add(0.05))
    one, two = (np.asarray(run(each, diffusing, 500).receptors)[-1].reshape(4, 12) for each in (state, other))
    assert (one[0, :3] != two[0, :3]).all()  # farther along the dendrite, what diffuses is below the rounding yet
    np.testing.assert_array_equal(one[1:], two[1:])


@BOTH
def test_synapses_whose_receptors_are_home_rest(float64, diffusing):
    state = begin(diffusing)
    home = jnp.full(48, 0.25)
    state = state._replace(receptors=home, home=home, pool=receptors.begin_pool(home, NEURONS, diffusing))
    np.testing.assert_allclose(run(state, diffusing, 100).receptors, 0.25, atol=1e-12)


def test_what_frees_receptors_ends_before_they_leave_for_good():
    state = begin(False)
    for _ in range(100):
        state = receptors.fade(state, -0.1)
    assert (np.asarray(run(state, False, 6_000).receptors)[3_000:].std(axis=0) > 0.5 * SWING).all()


def test_scattered_synapses_swing_as_before():
    state = begin(False)
    scattered = receptors.scatter(jax.random.key(5), state, PARAMS, neurons=NEURONS, diffusing=False)
    swing = [np.asarray(run(each, False, 9_000).receptors)[6_000:].std() for each in (state, scattered)]
    assert swing[1] == pytest.approx(swing[0], rel=0.1)
    early = np.asarray(run(scattered, False, 900).receptors) - np.asarray(state.home)
    assert early.std() == pytest.approx(SWING / np.sqrt(2), rel=0.25)
