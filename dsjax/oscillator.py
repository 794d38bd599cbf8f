"""FitzHugh-Nagumo oscillators: the central pattern generator.

    dv/dt = (v - v^3 - w + I) k        dw/dt = a (b v - c w) k

Two variables per oscillator: v, fast, and w, which follows it slowly. A constant current I shifts the rhythm.
Source: FitzHugh 1961; constants and clipping of Wei & Webb, IROS 2018.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax.typing import DTypeLike

from dsjax.hyperparameters import OscillatorParams
from dsjax.shapes import Array, ArrayLike, Float, Scalar, require_shape

__all__ = ["LIMIT", "OscillatorParams", "OscillatorState", "field", "init", "step"]

# Bounds on v and w after each step, as published. The limit cycle stays well inside.
LIMIT = 2.0


class OscillatorState(NamedTuple):
    """What n oscillators carry from step to step."""

    v: Float[Array, " n"]  # fast variable
    w: Float[Array, " n"]  # recovery variable


def init(count: int, dtype: DTypeLike | None = None) -> OscillatorState:
    """Return `count` oscillators at rest, v = w = 0."""
    return OscillatorState(v=jnp.zeros(count, dtype), w=jnp.zeros(count, dtype))


def field(state: OscillatorState, current: Float[ArrayLike, "*n"], params: OscillatorParams) -> OscillatorState:
    """Return the time derivative of `state` under a constant current.

    The coupling inhibits: I_i <- I_i - coupling * sum over j != i of v_j, which drives two oscillators to anti-phase.

    Args:
      state: OscillatorState, leaves (n,).
      current: (n,) input current I.
      params: OscillatorParams.

    Returns:
      OscillatorState of derivatives, leaves (n,) [1/ms].
    """
    v, w = state
    others = jnp.sum(v, axis=-1, keepdims=True) - v
    current = current - params.coupling * others
    dv = (v - v**3 - w + current) * params.rate
    dw = params.recovery * (params.recovery_gain * v - params.recovery_decay * w) * params.rate
    return OscillatorState(v=dv, w=dw)


def step(
    state: OscillatorState, current: Float[ArrayLike, " n"], params: OscillatorParams, dt: Scalar
) -> OscillatorState:
    """Advance the oscillators by dt with one classical Runge-Kutta step (order 4), then clip to [-2, 2].

    Args:
      state: OscillatorState, leaves (n,).
      current: (n,) input current, held constant over the step.
      params: OscillatorParams.
      dt: () [ms]; 0 leaves the state unchanged.

    Returns:
      OscillatorState, leaves (n,).

    Raises:
      ValueError: `current` has another shape.
    """
    require_shape("current", current, state.v.shape, "(oscillators,)")

    def along(slope: OscillatorState, time: Scalar) -> OscillatorState:
        return jax.tree.map(lambda x, dx: x + dx * time, state, slope)

    k1 = field(state, current, params)
    k2 = field(along(k1, dt / 2), current, params)
    k3 = field(along(k2, dt / 2), current, params)
    k4 = field(along(k3, dt), current, params)
    mean = jax.tree.map(lambda a, b, c, d: (a + 2 * b + 2 * c + d) / 6, k1, k2, k3, k4)
    return jax.tree.map(lambda x: jnp.clip(x, -LIMIT, LIMIT), along(mean, dt))
