"""Noisy synapses: weights that follow an Ornstein-Uhlenbeck process, the plain control of those that swing.

    w = center + amplitude x        dx = -x dt / T + sqrt(dt / T) N(0, 1)        T = period / (2 pi)

In the long run x has the variance of a sine, 1/2, and T is the time in which a sine of the mean period turns by one
radian. x is drawn every `SEGMENT` from its exact distribution, and goes on a straight line from one draw to the next:
random numbers cost more than all else in a step.
Source: Uhlenbeck & Ornstein, Physical Review 1930.
"""

import math
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax.typing import DTypeLike

from dsjax.hyperparameters import SynapseParams
from dsjax.shapes import Array, Float, Key, Scalar, require_shape

__all__ = ["SEGMENT", "NoiseState", "advance", "amplitude", "at_center", "draw", "init", "renew", "scatter"]

SEGMENT = 1_250.0  # [ms] between two draws, the shortest period that a sinusoid may have: see `population.REDRAW_STEPS`


class NoiseState(NamedTuple):
    """What a group of noisy synapses of any shape s carries from step to step."""

    center: Float[Array, "*s"]
    weight: Float[Array, "*s"]
    last: Float[Array, "*s"]  # draw that the current segment began at
    next: Float[Array, "*s"]  # draw that it leads to
    following: Float[Array, "*s"]  # the one after it
    time: Float[Array, "*s"]  # [ms] since the segment began
    fade: Float[Array, ""]  # amplitude = initial amplitude * exp(-fade)
    fade_error: Float[Array, ""]  # rounding error of `fade`


def init(
    key: Key[Array, ""], shape: tuple[int, ...], params: SynapseParams, dtype: DTypeLike | None = None
) -> NoiseState:
    """Draw synapses at random centers and random times within a segment; see `synapse.init`."""
    center_key, noise_key = jax.random.split(key)
    dtype = dtype or jnp.result_type(float)
    center = params.center_range * jax.random.uniform(center_key, shape, dtype, minval=-1.0)
    none, zero = jnp.zeros(shape, dtype), jnp.zeros((), dtype)
    return scatter(noise_key, NoiseState(center, center, none, none, none, none, zero, zero), params)


def at_center(state: NoiseState, center: Float[Array, "*s"], params: SynapseParams) -> NoiseState:
    """Return the synapses moved to given centers, with the same deviations.

    Raises:
      ValueError: `center` has another shape than the synapses.
    """
    require_shape("center", center, state.center.shape)
    return state._replace(center=center, weight=center + _deviation(state, params))


def draw(key: Key[Array, ""], state: NoiseState, params: SynapseParams) -> NoiseState:
    """Draw anew what follows the next draw; doing so again, before that comes into use, changes nothing in the mean."""
    return state._replace(following=_drawn(key, state.next, params))


def advance(state: NoiseState, params: SynapseParams, dt: Scalar) -> NoiseState:
    """Let time pass: every weight moves on towards its next draw.

    Args:
      state: NoiseState.
      params: SynapseParams, whose `period_cv` has no meaning here.
      dt: () [ms], far below `SEGMENT`; 0 leaves the state unchanged.

    Returns:
      NoiseState.
    """
    state = state._replace(time=state.time + dt)
    weight = state.center + _deviation(state, params)
    return state._replace(weight=jnp.where(dt > 0, weight, state.weight))


def renew(state: NoiseState, last_weight: Float[Array, "*s"]) -> NoiseState:
    """Begin a new segment where the last one is over; the last weight has no meaning here."""
    over = state.time >= SEGMENT
    return state._replace(
        last=jnp.where(over, state.next, state.last),
        next=jnp.where(over, state.following, state.next),
        time=jnp.where(over, state.time - SEGMENT, state.time),
    )


def amplitude(state: NoiseState, params: SynapseParams) -> Float[Array, "*s"]:
    """Return the amplitude of the sine that would deviate as far, shaped as in the params."""
    return params.amplitude * jnp.exp(-state.fade)


def scatter(key: Key[Array, ""], state: NoiseState, params: SynapseParams) -> NoiseState:
    """Return the synapses as at some other time, centers and amplitude as they are."""
    *keys, time_key = jax.random.split(key, 4)
    shape, dtype = state.center.shape, state.center.dtype
    last = math.sqrt(0.5) * jax.random.normal(keys[0], shape, dtype)
    after = _drawn(keys[1], last, params)
    time = SEGMENT * jax.random.uniform(time_key, shape, dtype)
    state = state._replace(last=last, next=after, following=_drawn(keys[2], after, params), time=time)
    return at_center(state, state.center, params)


def _drawn(key: Key[Array, ""], before: Float[Array, "*s"], params: SynapseParams) -> Float[Array, "*s"]:
    """Return x one segment after it was at `before`."""
    kept = _kept(params)
    return kept * before + jnp.sqrt((1 - kept**2) / 2) * jax.random.normal(key, before.shape, before.dtype)


def _deviation(state: NoiseState, params: SynapseParams) -> Float[Array, "*s"]:
    """Return how far the weights are from their centers."""
    share = state.time / SEGMENT
    x = state.last + share * (state.next - state.last)
    # Between two draws a line has less variance than at them: on average over a segment, (2 + kept) / 3 of it.
    return amplitude(state, params) * x / jnp.sqrt((2 + _kept(params)) / 3)


def _kept(params: SynapseParams) -> Array:
    """Return the correlation of two successive draws."""
    return jnp.exp(-2 * math.pi * SEGMENT / params.period)
