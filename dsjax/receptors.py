"""Chaotic synapses: weights vary with receptors that move between a neuron's dendrite and its synapses.

Of each synapse: r, the receptors in it; v, the rate at which they move; h, their home. Of each neuron with n synapses:
p, the concentration of free receptors in its dendrite, where n receptors are in all. g is their damping.

    E = h / (p + r - h)                                        the synapse's volume: p = r / E where r = h
    dr/dt = v (p if v > 0 else r / E)
    dv/dt = (k (p - r / E) + a sign(v) sqrt |v| - g v) / q

In the *shared* pool, p is what the synapses have left, n - sum r, over n. In the *diffusing* one every synapse has a
p of its own, which moves along the dendrite to its neighbors', with closed ends, and into the synapse:

    dp/dt = D (p_left - p) + D (p_right - p) - dr/dt

Receptors are between 0 and about 0.5 of a unit, and a weight may be anything. So a weight deviates from its center as
its receptors do from their home, `SWING` of a receptor for an amplitude:

    w = center + amplitude (r - h) / SWING

It is the center that learns; the home stays. Where the rule fades the amplitude by an amount F, it damps the receptors:
dg = (1 - g / g_max) g dF. An `amplitude_decay` of 7e-7 is the published one.
Source: Wei & Webb, A model of operant learning based on chaotically varying synaptic strength, Neural Networks 2018.
"""

import math
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import DTypeLike

from dsjax import summation
from dsjax.fluctuation import Kind
from dsjax.hyperparameters import SynapseParams
from dsjax.shapes import Array, Float, Key, Scalar, require_shape

__all__ = [
    "FIRST_DAMPING", "MAX_DAMPING", "SWING", "ReceptorParams", "ReceptorState", "advance", "amplitude", "at_center",
    "begin_pool", "fade", "faded", "init", "kind", "move", "scatter", "volume",
]  # fmt: skip

FIRST_DAMPING, MAX_DAMPING = 14_000.0, 70_000.0  # g at first, and g_max
_MIN_DAMPING = 10_000.0  # with less, all receptors may leave their synapses for good
SWING = 0.105  # [receptors] amplitude of a sine that deviates as far as they do, at the first damping


class ReceptorParams(NamedTuple):
    """Constants of the receptors' movement, each shaped (), as published."""

    drive: Scalar = 0.5  # k, of the movement by the difference of concentrations
    self_excitation: Scalar = 100.0  # a, of the movement by itself
    inertia: Scalar = 3.5e6  # q
    diffusion: Scalar = 1e-4  # D [1/ms], along the dendrite; in the diffusing pool only


class ReceptorState(NamedTuple):
    """What a group of s synapses, of one neuron or many, carries from step to step."""

    center: Float[Array, " s"]
    weight: Float[Array, " s"]
    receptors: Float[Array, " s"]  # in the synapse
    rate: Float[Array, " s"]  # [1/ms] at which they move
    pool: Float[Array, " s"]  # concentration of free receptors beside the synapse
    home: Float[Array, " s"]
    damping: Float[Array, ""]
    damping_error: Float[Array, ""]  # rounding error of `damping`


def kind(neurons: np.ndarray, diffusing: bool) -> Kind:
    """Return the kind of fluctuation of synapses that are on given neurons.

    Args:
      neurons: (S,) int, the neuron of each synapse: 0, ..., 0, 1, ..., 1, ...
      diffusing: whether every synapse has a pool of its own.
    """
    layout: Any = {"neurons": neurons, "diffusing": diffusing}
    return Kind(
        partial(init, **layout), at_center, lambda key, state, params: state, partial(advance, **layout),
        lambda state, last_weight: state, fade, faded, amplitude, partial(scatter, **layout),
    )  # fmt: skip


def init(
    key: Key[Array, ""], shape: tuple[int], params: SynapseParams, dtype: DTypeLike | None = None, *,
    neurons: np.ndarray, diffusing: bool,
) -> ReceptorState:  # fmt: skip
    """Draw synapses at random centers, with receptors at rest: home and receptors in [0.2, 0.3), as published.

    Args:
      key: PRNG key.
      shape: (S,).
      params: SynapseParams, of which amplitude and center range count.
      dtype: floating type; JAX's default if None.
      neurons: as for `kind`.
      diffusing: as for `kind`.

    Returns:
      ReceptorState.
    """
    dtype = dtype or jnp.result_type(float)
    keys = jax.random.split(key, 3)
    receptors, home = (jax.random.uniform(each, shape, dtype, 0.2, 0.3) for each in keys[:2])
    center = params.center_range * jax.random.uniform(keys[2], shape, dtype, minval=-1.0)
    pool, none = begin_pool(receptors, neurons, diffusing), jnp.zeros((), dtype)
    state = ReceptorState(center, center, receptors, jnp.zeros(shape, dtype), pool, home, none + FIRST_DAMPING, none)
    return at_center(state, center, params)


def at_center(state: ReceptorState, center: Float[Array, " s"], params: SynapseParams) -> ReceptorState:
    """Return the synapses moved to given centers, with their receptors as they are.

    Raises:
      ValueError: `center` has another shape than the synapses.
    """
    require_shape("center", center, state.center.shape)
    return state._replace(center=center, weight=center + _deviation(state, params))


def begin_pool(receptors: Float[Array, " s"], neurons: np.ndarray, diffusing: bool) -> Float[Array, " s"]:
    """Return the concentrations beside synapses that hold so many receptors, (S,)."""
    free = 1 - receptors
    if diffusing:
        return free
    of_neuron = (neurons[:, None] == np.arange(neurons[-1] + 1)).astype(free.dtype)
    return ((free @ of_neuron) / of_neuron.sum(axis=0))[neurons]


def volume(home: Float[Array, " s"], receptors: Float[Array, " s"], pool: Float[Array, " s"]) -> Float[Array, " s"]:
    """Return the synapses' equivalent volume: if pool and receptors / volume are even, no receptors move."""
    return home / (pool + receptors - home)


def advance(
    state: ReceptorState, params: SynapseParams, dt: Scalar, *, neurons: np.ndarray, diffusing: bool
) -> ReceptorState:
    """Let receptors `move` for dt, as published, and weights with them; a dt of 0 leaves the state unchanged."""
    moved = move(state, ReceptorParams(), dt, neurons, diffusing)
    moved = moved._replace(weight=moved.center + _deviation(moved, params))
    return jax.tree.map(lambda new, old: jnp.where(dt > 0, new, old), moved, state)


def move(
    state: ReceptorState, params: ReceptorParams, dt: Scalar, neurons: np.ndarray, diffusing: bool
) -> ReceptorState:
    """Let receptors move for dt, by one Runge-Kutta step of fourth order. Homes and damping are held, and weights.

    A shared pool is held too. Afterwards it is what the synapses before the step had left: it is one step behind, as
    in the published code.

    Args:
      state: ReceptorState.
      params: ReceptorParams.
      dt: () [ms], far below the period of some 17 s.
      neurons: as for `kind`.
      diffusing: as for `kind`.

    Returns:
      ReceptorState.
    """
    start = state.receptors, state.rate, state.pool
    joined = np.diff(neurons) == 0  # whether a synapse and the next one are on one dendrite

    def slope(change: tuple[Array, ...], share: float) -> tuple[Array, ...]:
        receptors, rate, pool = (value + share * dt * by for value, by in zip(start, change, strict=True))
        inside = receptors / volume(state.home, receptors, pool)
        flow = rate * jnp.where(rate > 0, pool, inside)
        push = params.drive * (pool - inside) + params.self_excitation * jnp.sign(rate) * jnp.sqrt(jnp.abs(rate))
        acceleration = (push - state.damping * rate) / params.inertia
        if not diffusing:
            return flow, acceleration, jnp.zeros_like(pool)
        along = params.diffusion * jnp.where(joined, jnp.diff(pool), 0)
        return flow, acceleration, jnp.pad(along, (0, 1)) - jnp.pad(along, (1, 0)) - flow

    first = slope(tuple(map(jnp.zeros_like, start)), 0.0)
    second = slope(first, 0.5)
    third = slope(second, 0.5)
    fourth = slope(third, 1.0)
    receptors, rate, pool = (
        value + dt / 6 * (a + 2 * b + 2 * c + d)
        for value, a, b, c, d in zip(start, first, second, third, fourth, strict=True)
    )
    pool = pool if diffusing else begin_pool(state.receptors, neurons, diffusing)
    return state._replace(receptors=receptors, rate=rate, pool=pool)


def fade(state: ReceptorState, amount: Scalar) -> ReceptorState:
    """Damp the receptors by an amount, () as in `synapse.fade`; a negative one frees them, down to a limit."""
    by = (1 - state.damping / MAX_DAMPING) * state.damping * amount
    damping, error = summation.add(summation.Sum(state.damping, state.damping_error), by)
    return state._replace(damping=jnp.maximum(damping, _MIN_DAMPING), damping_error=error)


def faded(state: ReceptorState) -> Float[Array, ""]:
    """Return the sum of all amounts by which the receptors were damped, ()."""
    return _log_odds(state.damping) - math.log(FIRST_DAMPING / (MAX_DAMPING - FIRST_DAMPING))


def amplitude(state: ReceptorState, params: SynapseParams) -> Float[Array, " s"]:
    """Return the amplitude of the sine that would deviate as far, shaped as in the params."""
    return params.amplitude * _swing(state) / SWING


def scatter(
    key: Key[Array, ""], state: ReceptorState, params: SynapseParams, *, neurons: np.ndarray, diffusing: bool
) -> ReceptorState:
    """Return the synapses as at some other time: each swings as wide as it does, and is anywhere in its swing."""
    phase = 2 * math.pi * jax.random.uniform(key, state.home.shape, state.home.dtype)
    fast = (ReceptorParams().self_excitation / state.damping) ** 2  # where excitation and damping are even
    receptors = state.home + _swing(state) * jnp.sin(phase)
    state = state._replace(
        receptors=receptors, rate=fast * jnp.cos(phase), pool=begin_pool(receptors, neurons, diffusing)
    )
    return at_center(state, state.center, params)


def _deviation(state: ReceptorState, params: SynapseParams) -> Float[Array, " s"]:
    return params.amplitude * (state.receptors - state.home) / SWING


def _swing(state: ReceptorState) -> Array:
    """Return how far receptors swing, as a sine's amplitude: a fit, within a tenth from _MIN_DAMPING on."""
    return SWING * (FIRST_DAMPING / state.damping) ** (7 / 6)


def _log_odds(damping: Array) -> Array:
    return jnp.log(damping / (MAX_DAMPING - damping))
