"""Wrong shapes are refused by name; right ones are checked against the signatures, at run time, by jaxtyping."""

import subprocess
import sys

import jax
import jax.numpy as jnp
import pytest
from helpers import ROOT

from dsjax import controller, learning, neuron, observation, oscillator, population, synapse
from dsjax.presets import preset

SPEC, PARAMS = preset("iros2018")
KEY = jax.random.key(0)


def lone(**changes):
    given = {"observation": jnp.zeros(24), "reward": 0.0, "starts": True, "ends": False} | changes
    return controller.step(KEY, controller.init(KEY, SPEC, PARAMS), *given.values(), SPEC, PARAMS)


SHARED = population.share(PARAMS, 3)


def three(params=SHARED, **changes):
    given = {
        "observation": jnp.zeros((3, 24)), "reward": jnp.zeros(3), "starts": jnp.ones(3, bool),
        "ends": jnp.zeros(3, bool),
    } | changes  # fmt: skip
    state = population.init(KEY, jnp.arange(3), SPEC, SHARED)
    return population.step(state, *given.values(), SPEC, params)


def test_right_shapes_are_taken():
    assert lone()[1].shape == (4,)
    assert three()[1].shape == (3, 4)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: lone(observation=jnp.zeros(23)), r"observation has shape \(23,\); must be \(24,\)"),
        (lambda: lone(reward=jnp.zeros(1)), r"reward has shape \(1,\); must be \(\)"),
        (lambda: lone(starts=jnp.ones(2, bool)), r"starts has shape \(2,\); must be \(\)"),
        (
            lambda: three(observation=jnp.zeros(24)),
            r"observation has shape \(24,\); must be \(members, 24\) = \(3, 24\)",
        ),
        (lambda: three(reward=jnp.zeros(2)), r"reward has shape \(2,\); must be \(members,\) = \(3,\)"),
        (lambda: three(ends=False), r"ends has shape \(\); must be \(members,\) = \(3,\)"),
        (
            lambda: three(PARAMS),
            r"params.hull_scale has shape \(\); must be \(members,\) = \(3,\), as from population.share",
        ),
        (
            lambda: population.init(KEY, jnp.arange(2), SPEC, PARAMS),
            r"params.hull_scale has shape \(\); must be \(members,\) = \(2,\)",
        ),
        (
            lambda: oscillator.step(oscillator.init(2), jnp.zeros(3), PARAMS.oscillator, 33.0),
            r"current has shape \(3,\); must be \(oscillators,\) = \(2,\)",
        ),
        (
            lambda: neuron.step(neuron.init(8, PARAMS.neuron), jnp.zeros(4), "none", PARAMS.neuron, 33.0),
            r"inputs has shape \(4,\); must be \(neurons,\) = \(8,\)",
        ),
        (
            lambda: synapse.at_center(synapse.init(KEY, (5,), PARAMS.synapse), jnp.zeros(4), PARAMS.synapse),
            r"center has shape \(4,\); must be \(5,\)",
        ),
        (lambda: observation.encode(jnp.zeros(14), 1.0), r"observation has shape \(14,\); must be \(24,\)"),
    ],
)
def test_a_wrong_shape_is_refused_by_name(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_a_wrong_modulator_is_refused():
    synapses = synapse.init(KEY, (5,), PARAMS.synapse)
    state = learning.init(synapses, SPEC.learning, PARAMS.learning)
    with pytest.raises(ValueError, match=r"modulator has shape \(5,\); must be \(\)"):
        learning.step(state, synapses, jnp.zeros(5), 0.5, SPEC.learning, PARAMS.learning, PARAMS.synapse, 33.0)


CHECKED = """
from jaxtyping import install_import_hook
modules = [f"dsjax.{name}" for name in
           ("oscillator", "synapse", "neuron", "learning", "observation", "controller", "population")]
with install_import_hook(modules, "beartype.beartype"):
    from dsjax import controller, learning, neuron, observation, oscillator, population, synapse
import jax, jax.numpy as jnp, pytest
from dsjax.presets import PRESETS, preset
key = jax.random.key(0)
for name in PRESETS:
    spec, params = preset(name)
    shared = population.share(params, 3)
    state = population.init(key, jnp.arange(3), spec, shared)
    step, policy = population.make_step(spec), population.make_policy(spec, oscillating=True)
    for _ in range(3):
        seen = jnp.zeros((3, 24)), jnp.zeros(3), jnp.ones(3, bool), jnp.zeros(3, bool)
        state, action, activity = step(state, *seen, shared)
    policy(state.key, state.members, jnp.zeros((3, 24)), jnp.ones(3, bool), shared)
    alone = controller.init(key, spec, params)
    controller.make_step(spec)(key, alone, jnp.zeros(24), 1.0, True, False, params)
    controller.make_policy(spec)(key, alone, jnp.zeros(24), True, params)
    oscillator.field(alone.oscillators, jnp.zeros(2), params.oscillator)
    synapse.step(key, alone.synapses, controller.synapse_params(params), 33.0)
    population.select(state, slice(0, 2)), population.join([state, state]), population.copy(state)
wrong = alone._replace(neurons=alone.neurons._replace(sensitivity=jnp.zeros(8, int)))
with pytest.raises(Exception, match="Type-check error"):
    neuron.activity(wrong.neurons, jnp.zeros((8, 2)))
print("checked")
"""


def test_every_signature_states_the_shapes_that_it_gets():
    done = subprocess.run([sys.executable, "-c", CHECKED], capture_output=True, text=True, check=False, cwd=ROOT)
    assert done.stdout.strip() == "checked", done.stderr[-3000:]
