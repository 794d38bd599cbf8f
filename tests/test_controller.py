import dataclasses
import os
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from dsjax import controller, learning, neuron
from dsjax.controller import ControllerSpec
from dsjax.presets import PRESETS, preset

GOLDEN = Path(os.environ.get("DSJAX_GOLDEN", Path(__file__).parents[2] / "shared" / "golden"))
TRIMMED = Path(__file__).parent / "golden"  # the first 250 steps of two of these recordings
RECORDINGS = sorted(path for folder in (GOLDEN, TRIMMED) for name in PRESETS for path in folder.glob(f"{name}_*.npz"))
KEY = jax.random.key(0)


def variant(name):
    """Return the (spec, params) that a recording's file name says, with nothing random after the start."""
    preset_name, *words = name.split("_")
    spec, params = preset(preset_name)
    adaptation = next((word for word in words if word in neuron.ADAPTATIONS), spec.adaptation)
    rule = dataclasses.replace(spec.learning, repulsive="norepulsion" not in words)
    spec = dataclasses.replace(spec, adaptation=adaptation, learning=rule)
    return spec, params._replace(synapse=params.synapse._replace(period_cv=0.0))


def flat(recording, prefix, name):
    return np.concatenate([recording[f"{prefix}layer{k}_{name}"].reshape(-1) for k in (1, 3, 4)])


@pytest.mark.parametrize("path", RECORDINGS, ids=lambda path: f"{path.parent.parent.name}-{path.stem}")
def test_golden_recording_replays(float64, path):
    recording = np.load(path)
    spec, params = variant(path.stem)
    state = controller.init(KEY, spec, params)
    names = {"center": "center", "weight": "weights", "period": "period", "time": "time"}
    start = {field: jnp.asarray(flat(recording, "init_", name)) for field, name in names.items()}
    state = state._replace(synapses=state.synapses._replace(**start))
    reward, starts = recording["modulator"], recording["episode_start"]
    if spec.deliver_last_reward:
        # Recorded is the reward that followed each action, the episode's last included; only the first call of the
        # whole recording comes without one.
        reward, starts = np.roll(reward, 1), np.arange(len(reward)) == 0

    def body(state, step):
        observation, reward, starts = step
        state, action, activity = controller.step(KEY, state, observation, reward, starts, False, spec, params)
        return state, (action, activity, state)

    steps = (jnp.asarray(recording["observation"]), jnp.asarray(reward), jnp.asarray(starts))
    _, (action, activity, states) = jax.jit(lambda s: jax.lax.scan(body, s, steps))(state)

    def same(actual, name):
        np.testing.assert_allclose(actual, recording[name], rtol=0, atol=1e-9, err_msg=name)

    same(action, "action")
    same(states.oscillators.v, "v")
    same(states.oscillators.w, "w")
    same(states.neurons.sensitivity, "sensitivity")
    if "cpg_input" in recording:
        same(activity.current, "cpg_input")
        same(activity.neurons, "neuron_output")
    index = recording["trace_index"]
    if spec.deliver_last_reward:
        # The synapses' state after the reward of step t is the one after call t + 1.
        index = index[index < len(reward) - 1] + 1
    kept = slice(0, len(index))
    amplitude = params.synapse.amplitude * np.exp(-np.asarray(states.synapses.fade)[index])
    for layer, rows in zip((1, 3, 4), np.split(np.arange(438), [344, 362]), strict=True):
        for field, name in names.items():
            expected = recording[f"layer{layer}_{name}"][kept].reshape(len(index), -1)
            actual = np.asarray(getattr(states.synapses, field))[index][:, rows]
            np.testing.assert_allclose(actual, expected, rtol=0, atol=1e-9, err_msg=f"layer {layer} {name}")
        expected = recording[f"layer{layer}_amplitude"][kept].reshape(len(index), -1)
        np.testing.assert_allclose(np.broadcast_to(amplitude[:, None], expected.shape), expected, rtol=0, atol=1e-9)


def changed(before, after):
    """Return which parts of a controller's state differ."""
    parts = {
        "synapses": lambda s: (s.synapses.time, s.synapses.center),
        "neurons": lambda s: s.neurons,
        "oscillators": lambda s: s.oscillators,
        "action": lambda s: s.action,
    }
    leaves = {name: (jax.tree.leaves(get(before)), jax.tree.leaves(get(after))) for name, get in parts.items()}
    return {n for n, (a, b) in leaves.items() if any(not np.array_equal(x, y) for x, y in zip(a, b, strict=True))}


@pytest.mark.parametrize("name", PRESETS)
def test_each_part_runs_once_per_environment_step(name):
    spec, params = preset(name)
    state = controller.init(KEY, spec, params)
    observation = jnp.linspace(-1, 1, 24)

    @jax.jit
    def step(state, starts, ends):
        return controller.step(KEY, state, observation, jnp.float32(0.5), starts, ends, spec, params)[0]

    def call(state, starts, ends):
        after = step(state, starts, ends)
        return after, changed(state, after)

    acting = {"neurons", "oscillators", "action"}
    state, first = call(state, True, False)
    state, middle = call(state, False, False)
    state, last = call(state, False, True)
    _, resting = call(state, True, True)
    # The two published codes differ in whether the last reward arrives: with it, the first call brings none.
    assert first == (acting if spec.deliver_last_reward else acting | {"synapses"})
    assert middle == acting | {"synapses"}
    assert last == ({"synapses"} if spec.deliver_last_reward else set())
    assert resting == set()


def test_readme_preset_starts_episodes_from_rest_and_learns_nothing_from_the_reset():
    spec, params = preset("readme")
    state = controller.init(KEY, spec, params)
    dirty = state._replace(action=jnp.ones(4), oscillators=jax.tree.map(jnp.ones_like, state.oscillators))
    arguments = (jnp.linspace(-1, 1, 24), jnp.float32(-100), True, False, spec, params)
    clean_after, clean_action, _ = controller.step(KEY, state, *arguments)
    dirty_after, dirty_action, _ = controller.step(KEY, dirty, *arguments)
    np.testing.assert_array_equal(clean_action, dirty_action)
    np.testing.assert_array_equal(clean_after.synapses.center, state.synapses.center)
    np.testing.assert_array_equal(clean_after.oscillators.v, dirty_after.oscillators.v)


def test_layer_4_starts_at_its_fixed_centers():
    spec, params = preset("iros2018")
    first, third, fourth = controller.layers(controller.init(KEY, spec, params).synapses.center)
    assert (first.shape, third.shape, fourth.shape) == controller.LAYERS
    assert np.count_nonzero(fourth) == 12
    assert float(fourth[0, 2]) == -0.5
    assert float(fourth[3, 16]) == np.float32(-0.2)
    for layer in (first, third):  # uniform in +-0.2: its bounds, and its variance of 0.2^2 / 3 within 4 standard errors
        assert 0.1 < np.abs(layer).max() <= 0.2
        error = 0.04 / 3 * np.sqrt(0.8 / layer.size)  # of the variance: kurtosis 9/5
        assert np.mean(np.square(layer)) == pytest.approx(0.04 / 3, abs=4 * error)


def test_layer_1_can_keep_still_while_the_others_learn():
    spec, published = preset("iros2018")
    rows = np.arange(controller.SYNAPSES) < 344
    moved = {}
    for share in (0.0, 1.0):
        params = published._replace(input_amplitude=share)
        state = begun = controller.init(KEY, spec, params)
        for reward in (0.5, 0.5, -1.0):
            state, *_ = controller.step(KEY, state, jnp.linspace(-1, 1, 24), reward, False, False, spec, params)
        moved[share] = np.asarray(state.synapses.center != begun.synapses.center)
        swings = np.asarray(state.synapses.weight != state.synapses.center)
        assert swings[~rows].all() and swings[rows].all() == (share > 0)
    assert not moved[0.0][rows].any() and moved[1.0][rows].mean() > 0.9
    np.testing.assert_array_equal(moved[0.0][~rows], moved[1.0][~rows])


def test_frozen_performance_ignores_oscillation_and_history():
    spec, params = preset("iros2018")
    state = controller.init(KEY, spec, params)
    other = state._replace(
        synapses=state.synapses._replace(weight=state.synapses.weight + 1, time=state.synapses.time + 500),
        oscillators=jax.tree.map(jnp.ones_like, state.oscillators),
    )
    observation = jnp.linspace(-1, 1, 24)
    first, action, _ = controller.perform(KEY, state, observation, True, spec, params)
    _, other_action, _ = controller.perform(KEY, other, observation, True, spec, params)
    np.testing.assert_array_equal(action, other_action)
    np.testing.assert_array_equal(first.neurons.sensitivity, state.neurons.sensitivity)
    _, oscillating, _ = controller.perform(KEY, state, observation, True, spec, params, oscillating=True)
    assert not np.array_equal(action, oscillating)


def test_specs_are_hashable_and_default_to_iros2018():
    assert hash(ControllerSpec()) == hash(preset("iros2018")[0])
    assert learning.LearningSpec() == preset("iros2018")[0].learning


def test_unknown_preset_is_refused():
    with pytest.raises(ValueError, match="no preset 'iros2019'; there are iros2018, readme"):
        preset("iros2019")
