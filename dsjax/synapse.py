"""Dynamic synapses: weights that oscillate around a center.

    w(t) = center + amplitude sin(2 pi time / period)

Every function is elementwise, so the synapses of one layer, or of a whole controller, can have any shape.
Source: Wei & Webb, IROS 2018, section II.
"""

from typing import Any, NamedTuple, TypeVar

import jax
import jax.numpy as jnp
from jax.typing import DTypeLike

from dsjax import summation
from dsjax.hyperparameters import SynapseParams
from dsjax.shapes import Array, Float, Key, Scalar, require_shape

__all__ = [
    "SHORTEST", "Fluctuating", "SynapseParams", "SynapseState", "advance", "amplitude", "at_center", "draw_periods",
    "fade", "faded", "init", "renew", "scatter", "sine", "step",
]  # fmt: skip

# Taylor coefficients of sin(2 pi x) in x, x^3, ..., x^17: for |x| <= 1/4 the remainder is below 6e-14.
_SINE = tuple((-1) ** k * 6.283185307179586 ** (2 * k + 1) / f for k, f in enumerate((
    1, 6, 120, 5040, 362880, 39916800, 6227020800, 1307674368000, 355687428096000,
)))  # fmt: skip

# Shortest period over the mean one. Normal periods have no bound, and a period must be positive and last until the next
# draw: see `population.REDRAW_STEPS`. At the published spread of 0.1 this is 7.5 standard deviations away, where no
# float32 normal number lies.
SHORTEST = 0.25


class SynapseState(NamedTuple):
    """What a group of synapses of any shape s carries from step to step."""

    center: Float[Array, "*s"]  # what the weight oscillates around, and what learning moves
    weight: Float[Array, "*s"]  # the weight as of the last step
    period: Float[Array, "*s"]  # [ms] length of the current cycle
    next_period: Float[Array, "*s"]  # [ms] length of the cycle after it
    time: Float[Array, "*s"]  # [ms] time since the current cycle began
    fade: Float[Array, ""]  # amplitude = initial amplitude * exp(-fade)
    fade_error: Float[Array, ""]  # rounding error of `fade`, carried so that float32 does not lose small steps


# SynapseState, or the state of another fluctuation with its `center`, `weight`, `fade` and `fade_error`.
Fluctuating = TypeVar("Fluctuating", bound=Any)


def init(
    key: Key[Array, ""], shape: tuple[int, ...], params: SynapseParams, dtype: DTypeLike | None = None
) -> SynapseState:
    """Draw synapses at random centers and random times within their first cycle.

    center ~ U(-center_range, center_range);  time ~ U(0, period);  the first period is the mean period.

    Args:
      key: PRNG key.
      shape: shape of the group.
      params: SynapseParams.
      dtype: floating type; JAX's default if None.

    Returns:
      SynapseState.
    """
    center_key, time_key, period_key = jax.random.split(key, 3)
    dtype = dtype or jnp.result_type(float)
    center = params.center_range * jax.random.uniform(center_key, shape, dtype, minval=-1.0)
    time = params.period * jax.random.uniform(time_key, shape, dtype)
    period = jnp.broadcast_to(jnp.asarray(params.period, dtype), shape)
    state = SynapseState(
        center=center,
        weight=center,
        period=period,
        next_period=period,
        time=time,
        fade=jnp.zeros((), dtype),
        fade_error=jnp.zeros((), dtype),
    )
    return draw_periods(period_key, at_center(state, center, params), params)


def at_center(state: SynapseState, center: Float[Array, "*s"], params: SynapseParams) -> SynapseState:
    """Return the synapses moved to given centers, in the same phase of their oscillation.

    Raises:
      ValueError: `center` has another shape than the synapses.
    """
    require_shape("center", center, state.center.shape)
    return state._replace(center=center, weight=center + amplitude(state, params) * sine(state.time / state.period))


def amplitude(state: SynapseState, params: SynapseParams) -> Float[Array, "*s"]:
    """Return the amplitude of the oscillation, shaped as in the params."""
    return params.amplitude * jnp.exp(-state.fade)


def sine(cycles: Float[Array, "*s"]) -> Float[Array, "*s"]:
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


def scatter(key: Key[Array, ""], state: SynapseState, params: SynapseParams) -> SynapseState:
    """Return the synapses at random times within cycles of random periods, centers and amplitude as they are."""
    next_key, period_key, time_key = jax.random.split(key, 3)
    state = draw_periods(period_key, state, params)
    time = state.next_period * jax.random.uniform(time_key, state.time.shape, state.time.dtype)
    state = at_center(state._replace(period=state.next_period, time=time), state.center, params)
    return draw_periods(next_key, state, params)


def advance(state: SynapseState, params: SynapseParams, dt: Scalar) -> SynapseState:
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


def fade(state: Fluctuating, amount: Scalar) -> Fluctuating:
    """Shrink the amplitude by the factor exp(-amount).

    One step's amount is about 1e-8, below float32's resolution next to 1: hence the error that is carried.

    Args:
      state: SynapseState, or another one with its `fade` and `fade_error`.
      amount: (); negative lets the amplitude grow.

    Returns:
      The state.
    """
    fade, error = summation.add(summation.Sum(state.fade, state.fade_error), amount)
    return state._replace(fade=fade, fade_error=error)


def faded(state: Fluctuating) -> Float[Array, ""]:
    """Return the sum of all amounts by which the amplitude has faded, ()."""
    return state.fade


def draw_periods(key: Key[Array, ""], state: SynapseState, params: SynapseParams) -> SynapseState:
    """Draw every synapse's next period anew, from a normal distribution cut at `SHORTEST`.

    next period = max(Normal(params.period, (params.period_cv params.period)^2), SHORTEST params.period)

    Random numbers cost more than all else in a step, and a cycle uses one in hundreds of steps. So they wait here until
    a cycle ends; drawing again before that changes nothing, and often enough is once in every shortest period.

    Args:
      key: PRNG key.
      state: SynapseState.
      params: SynapseParams.

    Returns:
      SynapseState.
    """
    noise = jax.random.normal(key, state.period.shape, state.period.dtype)
    period = params.period * (1 + params.period_cv * noise)
    return state._replace(next_period=jnp.maximum(period, params.period * SHORTEST))


def renew(state: SynapseState, last_weight: Float[Array, "*s"]) -> SynapseState:
    """Start a new cycle, of the next period, where the weight has just crossed its center upwards.

    time <- time mod period;  period <- next period

    Args:
      state: SynapseState after `advance` and any learning.
      last_weight: the weights one step earlier, shaped like the state's.

    Returns:
      SynapseState.
    """
    crossed = (last_weight < state.center) & (state.weight >= state.center)
    # As jnp.mod, at a quarter of its cost.
    over = state.time - jnp.floor(state.time / state.period) * state.period
    return state._replace(
        time=jnp.where(crossed, over, state.time), period=jnp.where(crossed, state.next_period, state.period)
    )


def step(key: Key[Array, ""], state: SynapseState, params: SynapseParams, dt: Scalar) -> SynapseState:
    """Advance the synapses by dt without learning; a finished cycle draws a new period.

    Args:
      key: PRNG key, for new periods.
      state: SynapseState.
      params: SynapseParams.
      dt: () [ms]; 0 leaves all but the next periods unchanged.

    Returns:
      SynapseState.
    """
    state = draw_periods(key, state, params)
    return renew(advance(state, params, dt), state.weight)
