"""FitzHugh-Nagumo oscillators: the central pattern generator.

    dv/dt = (v - v^3 - w + I) k        dw/dt = a (b v - c w) k

Two variables per oscillator: v, fast, and w, which follows it slowly. A constant current I shifts the rhythm.
Source: FitzHugh 1961; constants and clipping of Wei & Webb, IROS 2018.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax.typing import ArrayLike

# Bounds on v and w after each step, as published. The limit cycle stays well inside.
LIMIT = 2.0


class OscillatorParams(NamedTuple):
    """Numbers of a group of oscillators, each shaped () and dimensionless unless said otherwise."""

    recovery: ArrayLike  # a: how fast w follows v; larger shortens the period
    recovery_gain: ArrayLike  # b: w's drive by v
    recovery_decay: ArrayLike  # c: w's own decay
    rate: ArrayLike  # k [1/ms]: speed of both variables; larger oscillates faster
    coupling: ArrayLike  # >= 0: how strongly each inhibits the others; 0 is uncoupled, as published


class OscillatorState(NamedTuple):
    """What n oscillators carry from step to step."""

    v: jax.Array  # (n,) fast variable
    w: jax.Array  # (n,) recovery variable


def init(count, dtype=None):
    """Return `count` oscillators at rest, v = w = 0."""
    return OscillatorState(v=jnp.zeros(count, dtype), w=jnp.zeros(count, dtype))


def field(state, current, params):
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


def step(state, current, params, dt):
    """Advance the oscillators by dt with one classical Runge-Kutta step (order 4), then clip to [-2, 2].

    Args:
      state: OscillatorState, leaves (n,).
      current: (n,) input current, held constant over the step.
      params: OscillatorParams.
      dt: () [ms]; 0 leaves the state unchanged.

    Returns:
      OscillatorState, leaves (n,).
    """

    def along(slope, time):
        return jax.tree.map(lambda x, dx: x + dx * time, state, slope)

    k1 = field(state, current, params)
    k2 = field(along(k1, dt / 2), current, params)
    k3 = field(along(k2, dt / 2), current, params)
    k4 = field(along(k3, dt), current, params)
    mean = jax.tree.map(lambda a, b, c, d: (a + 2 * b + 2 * c + d) / 6, k1, k2, k3, k4)
    return jax.tree.map(lambda x: jnp.clip(x, -LIMIT, LIMIT), along(mean, dt))
