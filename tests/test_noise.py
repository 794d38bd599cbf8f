import jax
import jax.numpy as jnp
import numpy as np
import pytest

from dsjax import noise
from dsjax.fluctuation import NOISE, step
from dsjax.hyperparameters import SynapseParams

PARAMS = SynapseParams(amplitude=0.3, period=20_000.0, period_cv=0.1, center_range=0.2)
DT = 33.0


def deviations(synapses=200, steps=6_000, seed=0):
    """Return how far weights are from their centers, (steps, synapses)."""
    key = jax.random.key(seed)
    state = noise.init(key, (synapses,), PARAMS)

    def body(state, now):
        state = step(jax.random.fold_in(key, now), state, PARAMS, DT, NOISE)
        return state, state.weight - state.center

    return np.asarray(jax.jit(lambda start: jax.lax.scan(body, start, jnp.arange(steps))[1])(state))


def test_noise_deviates_as_far_as_a_sine_and_turns_as_fast():
    seen = deviations()
    assert seen.std() == pytest.approx(PARAMS.amplitude / np.sqrt(2), rel=0.03)
    assert abs(seen.mean()) < 0.01
    time = PARAMS.period / (2 * np.pi)
    kept = np.exp(-noise.SEGMENT / time)
    smooth = (4 + kept + 1 / kept) / (4 + 2 * kept)  # a line between draws is more like itself than the process is
    for segments in (1, 2, 4):
        lag = round(segments * noise.SEGMENT / DT)
        alike = (seen[lag:] * seen[:-lag]).mean() / seen.var()
        assert alike == pytest.approx(smooth * kept**segments, abs=0.04)


def test_noise_has_no_jumps_and_synapses_are_independent():
    seen = deviations(synapses=50)
    assert np.abs(np.diff(seen, axis=0)).max() < 0.15 * PARAMS.amplitude
    alike = np.corrcoef(seen.T)[~np.eye(50, dtype=bool)]
    assert abs(alike).mean() < 0.2


def test_drawing_again_changes_only_what_follows():
    state = noise.init(jax.random.key(0), (5,), PARAMS)
    drawn = noise.draw(jax.random.key(1), state, PARAMS)
    assert (drawn.following != state.following).all()
    for name in set(state._fields) - {"following"}:
        np.testing.assert_array_equal(getattr(drawn, name), getattr(state, name))
