"""One walker's controller: four layers of synapses, neurons and oscillators.

    z       = [input 39, previous action 4]                           43
    layer 1   x = W1 tanh(z)  or  tanh(W1 z)                          8 x 43
    layer 2   y = relu(tanh(x s)), sensitivity s adapts               8
    layer 3   I = tanh(W3 [y, 1])                                     2 x 9, drives the oscillators
    layer 4   action = tanh(W4 [v, w, observation[:14], 1])           4 x 19

The controller's 438 synapses lie in one flat array, layer by layer, so that one elementwise pass steps them all.
Everything here is for a single controller; `population` vmaps it.
Source: Wei & Webb, IROS 2018; the variants named in `ControllerSpec` are those in which the two published codes differ.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import DTypeLike

from dsjax import fluctuation, learning, neuron, oscillator, receptors
from dsjax.fluctuation import NOISE, SINUSOID, Kind
from dsjax.hyperparameters import ControllerParams, ControllerSpec
from dsjax.learning import LearningState
from dsjax.neuron import NeuronState
from dsjax.noise import NoiseState
from dsjax.observation import INPUTS, OBSERVATIONS, PROPRIOCEPTIVE, encode
from dsjax.oscillator import OscillatorState
from dsjax.receptors import ReceptorState
from dsjax.shapes import Array, ArrayLike, Bool, Float, Key, Scalar, Shaped, require_shape
from dsjax.synapse import SynapseParams, SynapseState

__all__ = [
    "ACTIONS", "COUPLINGS", "LAYERS", "NEURONS", "OSCILLATORS", "SYNAPSES", "TIME_STEP", "Activity", "ControllerParams",
    "ControllerSpec", "ControllerState", "act", "advance", "begin_episode", "draw_periods", "init", "kind", "layers",
    "learn", "make_policy", "make_step", "perform", "step", "synapse_params",
]  # fmt: skip

TIME_STEP = 33.0  # [ms] of controller time per environment step
ACTIONS = 4
NEURONS = 8
OSCILLATORS = 2
LAYERS = (
    (NEURONS, INPUTS + ACTIONS),
    (OSCILLATORS, NEURONS + 1),
    (ACTIONS, 2 * OSCILLATORS + PROPRIOCEPTIVE + 1),
)  # shapes (n_out, n_in) of the plastic layers 1, 3 and 4
SYNAPSES = sum(rows * columns for rows, columns in LAYERS)

# Layer 4's initial centers, all others 0: (row, column, center). They couple each hip and knee to one oscillator and
# damp it by its own angle and speed, which is what lets an untrained walker swing its legs at all.
COUPLINGS = (
    (0, 2, -0.5), (0, 8, -0.2), (0, 9, -0.2),
    (1, 0, 0.5), (1, 10, -0.2), (1, 11, -0.2),
    (2, 3, -0.5), (2, 13, -0.2), (2, 14, -0.2),
    (3, 1, 0.5), (3, 15, -0.2), (3, 16, -0.2),
)  # fmt: skip


class ControllerState(NamedTuple):
    """What a controller carries from step to step."""

    synapses: SynapseState | NoiseState | ReceptorState  # leaves (438,), of the kind that the spec names
    learning: LearningState
    neurons: NeuronState  # (8,)
    oscillators: OscillatorState  # leaves (2,)
    action: Float[Array, " 4"]  # the previous action


class Activity(NamedTuple):
    """What happened inside a controller in one step."""

    neurons: Float[Array, " 8"]  # output of layer 2
    current: Float[Array, " 2"]  # input of the oscillators
    modulator: Float[Array, ""]  # what the synapses learned from


def layers(flat: Shaped[Array, " 438"]) -> list[Shaped[Array, "rows columns"]]:
    """Return a flat (438,) array as the three layers' matrices, shaped as in `LAYERS`."""
    matrices, start = [], 0
    for rows, columns in LAYERS:
        end = start + rows * columns
        matrices.append(flat[start:end].reshape(rows, columns))
        start = end
    return matrices


# The kinds of fluctuation by the names that a spec has for them.
_COUNTS = [columns for rows, columns in LAYERS for _ in range(rows)]  # of each neuron's synapses
_DENDRITES = np.repeat(np.arange(len(_COUNTS)), _COUNTS)  # the neuron of each synapse
_KINDS = {
    "sinusoid": SINUSOID,
    "noise": NOISE,
    "shared_receptors": receptors.kind(_DENDRITES, diffusing=False),
    "diffusing_receptors": receptors.kind(_DENDRITES, diffusing=True),
}


def kind(spec: ControllerSpec) -> Kind:
    """Return the kind of fluctuation of a structure's synapses."""
    return _KINDS[spec.fluctuation]


def synapse_params(params: ControllerParams) -> SynapseParams:
    """Return a controller's SynapseParams, in which the amplitude, (438,), is each synapse's own.

    Layer 1 has most synapses, but what it does reaches the legs through two currents alone: its amplitude
    may be smaller, or 0.
    """
    first = LAYERS[0][0] * LAYERS[0][1]
    share = jnp.where(jnp.arange(SYNAPSES) < first, params.input_amplitude, 1.0)
    return params.synapse._replace(amplitude=params.synapse.amplitude * share)


def init(
    key: Key[Array, ""], spec: ControllerSpec, params: ControllerParams, dtype: DTypeLike | None = None
) -> ControllerState:
    """Draw an untrained controller: random centers in layers 1 and 3, fixed ones in layer 4.

    Args:
      key: PRNG key.
      spec: ControllerSpec.
      params: ControllerParams.
      dtype: floating type; JAX's default if None.

    Returns:
      ControllerState.
    """
    synapses = kind(spec).init(key, (SYNAPSES,), synapse_params(params), dtype)
    first, second, third = layers(synapses.center)
    rows, columns, centers = zip(*COUPLINGS, strict=True)
    third = jnp.zeros_like(third).at[jnp.array(rows), jnp.array(columns)].set(jnp.asarray(centers, third.dtype))
    center = jnp.concatenate([layer.ravel() for layer in (first, second, third)])
    synapses = kind(spec).at_center(synapses, center, synapse_params(params))
    return ControllerState(
        synapses=synapses,
        learning=learning.init(synapses, spec.learning, params.learning),
        neurons=neuron.init(NEURONS, params.neuron, dtype),
        oscillators=oscillator.init(OSCILLATORS, dtype),
        action=jnp.zeros(ACTIONS, center.dtype),
    )


def begin_episode(state: ControllerState) -> ControllerState:
    """Return the state with its oscillators at rest and no previous action."""
    zero = jax.tree.map(jnp.zeros_like, (state.oscillators, state.action))
    return state._replace(oscillators=zero[0], action=zero[1])


def act(
    state: ControllerState, weights: Float[Array, " 438"], observation: Float[Array, " 24"], spec: ControllerSpec,
    params: ControllerParams, dt: Scalar,
) -> tuple[ControllerState, Float[Array, " 4"], Activity]:  # fmt: skip
    """Compute the action for an observation, with given weights; neurons adapt and oscillators run for dt.

    Args:
      state: ControllerState; its synapses are not used, so that centers can act in place of weights.
      weights: (438,) the weights of all layers.
      observation: (24,) as BipedalWalker gives it.
      spec: ControllerSpec.
      params: ControllerParams.
      dt: () [ms]; 0 leaves the state unchanged, and the action is then meaningless.

    Returns:
      (ControllerState, action (4,) in [-1, 1], Activity with modulator 0).
    """
    layer_1, layer_3, layer_4 = layers(weights)
    bias = jnp.ones(1, weights.dtype)
    z = jnp.concatenate([encode(observation, params.hull_scale, spec.negative_half), state.action])
    x = layer_1 @ jnp.tanh(z) if spec.squash_inputs else jnp.tanh(layer_1 @ z)
    neurons, y = neuron.step(state.neurons, x, spec.adaptation, params.neuron, dt)
    current = jnp.tanh(layer_3 @ jnp.concatenate([y, bias]))
    advanced = oscillator.step(state.oscillators, current, params.oscillator, dt)
    v, w = advanced if spec.oscillators_first else state.oscillators
    proprioception = observation[:PROPRIOCEPTIVE]
    action = jnp.tanh(layer_4 @ jnp.concatenate([v, w, proprioception, bias]))
    state = state._replace(neurons=neurons, oscillators=advanced, action=jnp.where(dt > 0, action, state.action))
    return state, action, Activity(neurons=y, current=current, modulator=jnp.zeros_like(action[0]))


def learn(
    state: ControllerState, modulator: Scalar, spec: ControllerSpec, params: ControllerParams, dt: Scalar
) -> ControllerState:
    """Advance the synapses by dt under a modulator; returns the ControllerState. See `learning.step`."""
    effort = jnp.mean(jnp.abs(state.action))
    learned, synapses = learning.step(
        state.learning, state.synapses, modulator, effort, spec.learning, params.learning, synapse_params(params), dt,
        kind(spec),
    )  # fmt: skip
    return state._replace(synapses=synapses, learning=learned)


def draw_periods(
    key: Key[Array, ""], state: ControllerState, spec: ControllerSpec, params: ControllerParams
) -> ControllerState:
    """Return the ControllerState with all synapses' next periods drawn anew; see `synapse.draw_periods`.

    Of another kind of fluctuation it draws what is random there; receptors draw nothing.
    """
    return state._replace(synapses=kind(spec).draw(key, state.synapses, params.synapse))


def step(
    key: Key[Array, ""], state: ControllerState, observation: Float[ArrayLike, " 24"], reward: Scalar,
    starts: Bool[ArrayLike, ""], ends: Bool[ArrayLike, ""], spec: ControllerSpec, params: ControllerParams,
    dt: Scalar = TIME_STEP,
) -> tuple[ControllerState, Float[Array, " 4"], Activity]:  # fmt: skip
    """Draw the synapses' next periods, then `advance`: all that a lone controller needs, step by step."""
    return advance(draw_periods(key, state, spec, params), observation, reward, starts, ends, spec, params, dt)


def advance(
    state: ControllerState, observation: Float[ArrayLike, " 24"], reward: Scalar, starts: Bool[ArrayLike, ""],
    ends: Bool[ArrayLike, ""], spec: ControllerSpec, params: ControllerParams, dt: Scalar = TIME_STEP,
) -> tuple[ControllerState, Float[Array, " 4"], Activity]:  # fmt: skip
    """Learn from the reward that the last action brought, then act on the observation it led to.

    An episode of n environment steps takes n + 1 calls: one with the observation after the reset (`starts`), one per
    environment step, the last of which (`ends`) brings the final observation, on which there is no acting. Each part
    of the controller thus runs exactly n times. With `deliver_last_reward` the synapses run on every call but the
    first, and so see every reward; without, on every call but the last, and see 0 on the first.

    Nothing here is random: whoever calls this must call `draw_periods` at least once in every shortest period.

    Args:
      state: ControllerState.
      observation: (24,).
      reward: () of the last environment step; ignored where `starts`.
      starts: () bool, the observation comes from a reset.
      ends: () bool, the observation is an episode's last. With `starts` too, nothing changes.
      spec: ControllerSpec.
      params: ControllerParams.
      dt: () [ms] of controller time per environment step.

    Returns:
      (ControllerState, action (4,), Activity).

    Raises:
      ValueError: `observation`, `reward`, `starts` or `ends` has another shape.
    """
    require_shape("observation", observation, (OBSERVATIONS,))
    for name, value in (("reward", reward), ("starts", starts), ("ends", ends)):
        require_shape(name, value, ())
    observation = jnp.asarray(observation, state.action.dtype)
    starts, ends = jnp.asarray(starts), jnp.asarray(ends)
    reward = jnp.asarray(jnp.where(starts, 0, reward), state.action.dtype)
    modulator = learning.modulator(reward, spec.learning, learning.annealed(state.learning, params.learning))
    resting = starts if spec.deliver_last_reward else ends
    state = learn(state, modulator, spec, params, jnp.where(resting, 0.0, dt))
    begins, begun = starts & ~ends, state._replace(learning=learning.begin_episode(state.learning))
    if spec.reset_at_episode:
        begun = begin_episode(begun)
    state = jax.tree.map(lambda new, old: jnp.where(begins, new, old), begun, state)
    state, action, activity = act(state, state.synapses.weight, observation, spec, params, jnp.where(ends, 0.0, dt))
    return state, action, activity._replace(modulator=jnp.where(resting, 0, modulator))


def perform(
    key: Key[Array, ""], state: ControllerState, observation: Float[ArrayLike, " 24"], starts: Bool[ArrayLike, ""],
    spec: ControllerSpec, params: ControllerParams, dt: Scalar = TIME_STEP, oscillating: bool = False,
) -> tuple[ControllerState, Float[Array, " 4"], Activity]:  # fmt: skip
    """Act without learning or adapting: the controller one would deploy.

    Every episode starts with oscillators at rest and no previous action, whatever the variant, so that it depends on
    nothing that came before it.

    Args:
      key: PRNG key, used only with `oscillating`.
      state: ControllerState.
      observation: (24,).
      starts: () bool, the observation comes from a reset.
      spec: ControllerSpec.
      params: ControllerParams.
      dt: () [ms] of controller time per environment step.
      oscillating: act with the oscillating weights, from random phases in each episode, instead of the centers. Static.

    Returns:
      (ControllerState, action (4,), Activity with modulator 0).

    Raises:
      ValueError: `observation` or `starts` has another shape.
    """
    require_shape("observation", observation, (OBSERVATIONS,))
    require_shape("starts", starts, ())
    state = jax.tree.map(lambda new, old: jnp.where(starts, new, old), begin_episode(state), state)
    weights = state.learning.average
    if oscillating:
        numbers, weights_of = synapse_params(params), kind(spec)
        scatter_key, step_key = jax.random.split(key)
        scattered = weights_of.scatter(scatter_key, state.synapses, numbers)
        synapses = jax.tree.map(lambda new, old: jnp.where(starts, new, old), scattered, state.synapses)
        state = state._replace(synapses=fluctuation.step(step_key, synapses, numbers, dt, weights_of))
        weights = state.synapses.weight
    steady = replace(spec, adaptation="none")
    return act(state, weights, jnp.asarray(observation, weights.dtype), steady, params, dt)


def make_step(spec: ControllerSpec, dt: float = TIME_STEP) -> Callable[..., tuple[ControllerState, Array, Activity]]:
    """Return `step` of a structure as a jitted function.

    (key, state, observation, reward, starts, ends, params) -> (ControllerState, action (4,), Activity)
    """

    @jax.jit
    def jitted(
        key: Array,
        state: ControllerState,
        observation: Array,
        reward: Scalar,
        starts: Bool[ArrayLike, ""],
        ends: Bool[ArrayLike, ""],
        params: ControllerParams,
    ) -> tuple[ControllerState, Array, Activity]:
        return step(key, state, observation, reward, starts, ends, spec, params, dt)

    return jitted


def make_policy(
    spec: ControllerSpec, oscillating: bool = False, dt: float = TIME_STEP
) -> Callable[..., tuple[ControllerState, Array, Activity]]:
    """Return `perform` of a structure as a jitted function: a trained controller that acts and does not learn.

    (key, state, observation, starts, params) -> (ControllerState, action (4,), Activity)
    """

    @jax.jit
    def jitted(
        key: Array, state: ControllerState, observation: Array, starts: Bool[ArrayLike, ""], params: ControllerParams
    ) -> tuple[ControllerState, Array, Activity]:
        return perform(key, state, observation, starts, spec, params, dt, oscillating)

    return jitted
