"""Dynamic synapses: weights that oscillate around a center.

    w(t) = center + amplitude sin(2 pi time / period)

Every function is elementwise, so the synapses of one layer, or of a whole controller, can have any shape.
Source: Wei & Webb, IROS 2018, section II.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp

# Taylor coefficients of sin(2 pi x) in x, x^3, ..., x^17: for |x| <= 1/4 the remainder is below 6e-14.
_SINE = tuple((-1) ** k * 6.283185307179586 ** (2 * k + 1) / f for k, f in enumerate((
    1, 6, 120, 5040, 362880, 39916800, 6227020800, 1307674368000, 355687428096000,
)))  # fmt: skip


class SynapseParams(NamedTuple):
    """Numbers of a group of synapses, each shaped ()."""

    amplitude: jax.Array  # initial amplitude of the weight's oscillation; larger explores further
    period: jax.Array  # [ms] mean period; longer gives each reward more time to find its weight
    period_cv: jax.Array  # standard deviation of a period over its mean; larger decorrelates synapses sooner
    center_range: jax.Array  # centers start uniform in [-center_range, center_range]


class SynapseState(NamedTuple):
    """What a group of synapses of any shape s carries from step to step."""

    center: jax.Array  # s: what the weight oscillates around, and what learning moves
    weight: jax.Array  # s: the weight as of the last step
    period: jax.Array  # s [ms]: length of the current cycle
    time: jax.Array  # s [ms]: time since the current cycle began
    fade: jax.Array  # (): amplitude = initial amplitude * exp(-fade)
    fade_error: jax.Array  # (): rounding error of `fade`, carried so that float32 does not lose small steps


def init(key, shape, params, dtype=None):
    """Draw synapses at random centers and random times within their first period.

    center ~ U(-center_range, center_range);  time ~ U(0, period);  the first period is the mean period.

    Args:
      key: PRNG key.
      shape: shape of the group.
      params: SynapseParams.
      dtype: floating type; JAX's default if None.

    Returns:
      SynapseState.
    """
    center_key, time_key = jax.random.split(key)
    dtype = dtype or jnp.result_type(float)
    center = params.center_range * jax.random.uniform(center_key, shape, dtype, minval=-1.0)
    time = params.period * jax.random.uniform(time_key, shape, dtype)
    state = SynapseState(
        center=center,
        weight=center,
        period=jnp.broadcast_to(jnp.asarray(params.period, dtype), shape),
        time=time,
        fade=jnp.zeros((), dtype),
        fade_error=jnp.zeros((), dtype),
    )
    return at_center(state, center, params)


def at_center(state, center, params):
    """Return the synapses moved to given centers, in the same phase of their oscillation."""
    return state._replace(center=center, weight=center + amplitude(state, params) * sine(state.time / state.period))


def amplitude(state, params):
    """Return the amplitude of the oscillation, shape ()."""
    return params.amplitude * jnp.exp(-state.fade)


def sine(cycles):
    """Return sin(2 pi cycles) to about 1e-13, or to the type's rounding.

    A polynomial, because on CPU `jnp.sin` costs as much as all the rest of a controller's step: it must also serve
    huge arguments exactly. Subtracting whole cycles, then folding into [-1/4, 1/4], is all a phase needs.
    """
    x = cycles - jnp.round(cycles)
    x = jnp.where(jnp.abs(x) > 0.25, jnp.copysign(0.5, x) - x, x)
    square = x * x
    result = jnp.full_like(x, _SINE[-1])
    for coefficient in _SINE[-2::-1]:
        result = result * square + coefficient
    return result * x


def advance(state, params, dt):
    """Let time pass: every weight moves on along its cycle.

    time += dt;  weight = center + amplitude sin(2 pi time / period)

    Args:
      state: SynapseState.
      params: SynapseParams.
      dt: () [ms], far below every period; 0 leaves the state unchanged.

    Returns:
      SynapseState.
    """
    time = state.time + dt
    weight = state.center + amplitude(state, params) * sine(time / state.period)
    # The stored weight predates the last change of its center, so at dt = 0 it must be kept, not computed again.
    return state._replace(time=time, weight=jnp.where(dt > 0, weight, state.weight))


def fade(state, amount):
    """Shrink the amplitude by the factor exp(-amount), with Kahan's compensated sum.

    One step's amount is about 1e-8, below float32's resolution next to 1: a plain product would never change.

    Args:
      state: SynapseState.
      amount: (); negative lets the amplitude grow.

    Returns:
      SynapseState.
    """
    increment = amount - state.fade_error
    total = state.fade + increment
    return state._replace(fade=total, fade_error=(total - state.fade) - increment)


def renew(key, state, last_weight, params):
    """Start a new cycle, of a new random period, where the weight has just crossed its center upwards.

    time <- time mod period;  period ~ Normal(params.period, (params.period_cv params.period)^2)

    Args:
      key: PRNG key, for the new periods.
      state: SynapseState after `advance` and any learning.
      last_weight: the weights one step earlier, shaped like the state's.
      params: SynapseParams.

    Returns:
      SynapseState.
    """
    crossed = (last_weight < state.center) & (state.weight >= state.center)
    fresh = params.period * (1 + params.period_cv * jax.random.normal(key, state.period.shape, state.period.dtype))
    return state._replace(
        time=jnp.where(crossed, jnp.mod(state.time, state.period), state.time),
        period=jnp.where(crossed, fresh, state.period),
    )


def step(key, state, params, dt):
    """Advance the synapses by dt without learning; a finished cycle draws a new period.

    Args:
      key: PRNG key, used only for new periods.
      state: SynapseState.
      params: SynapseParams.
      dt: () [ms]; 0 leaves the state unchanged.

    Returns:
      SynapseState.
    """
    return renew(key, advance(state, params, dt), state.weight, params)
