"""What is expected of an episode by its age: beginnings, and the time at which most walkers fall, surprise no longer.

    ds_k/dt = rate (surprise - s_k) / width_k        of the interval k that the episode's age is in

So an episode moves each of them by as much, however wide: a wide one must not follow, within one episode, what the
weights of the moment bring, or it would take from learning just what is to be learned.

Intervals grow with age, as the precision of animals' timing shrinks with the time they tell: a scalar expectancy
(Gibbon, Psychological Review 1977). A baseline may depend on anything but the weights that it judges, and changes
nothing in the mean (Williams, Machine Learning 1992).
"""

from typing import NamedTuple

import jax.numpy as jnp
import numpy as np
from jax.typing import DTypeLike

from dsjax.shapes import Array, Bool, Float, Scalar

__all__ = ["INTERVALS", "TimingState", "begin_episode", "expected", "init", "update"]

INTERVALS = 32  # the last one is without end
_FIRST = 250.0  # [ms] how fine the time is told at the beginning of an episode
_PER_OCTAVE = 4  # intervals while the age, plus `_FIRST`, doubles: the last begins after 54 s
_WIDTHS = np.diff(_FIRST * 2 ** (np.arange(INTERVALS + 1) / _PER_OCTAVE))  # [ms]


class TimingState(NamedTuple):
    """What is known of the ages of episodes."""

    age: Float[Array, ""]  # [ms] since the episode began
    surprise: Float[Array, " 32"]  # by interval of age: mean reward beyond what was expected without knowing the age


def init(dtype: DTypeLike | None = None) -> TimingState:
    """Return the TimingState of one who has seen nothing yet."""
    dtype = dtype or jnp.result_type(float)
    return TimingState(jnp.zeros((), dtype), jnp.zeros(INTERVALS, dtype))


def begin_episode(state: TimingState) -> TimingState:
    """Return the state at the beginning of an episode."""
    return state._replace(age=jnp.zeros_like(state.age))


def expected(state: TimingState) -> Float[Array, ""]:
    """Return the surprise that is to be expected at this age, ()."""
    return jnp.sum(jnp.where(_current(state), state.surprise, 0))


def update(state: TimingState, surprise: Scalar, rate: Scalar, dt: Scalar) -> TimingState:
    """Learn from a surprise, and let dt pass.

    Args:
      state: TimingState.
      surprise: () reward beyond what was expected without knowing the age.
      rate: () in [0, 1], share of the difference that is learned in an episode.
      dt: () [ms]; 0 leaves the state unchanged.

    Returns:
      TimingState.
    """
    share = jnp.minimum(rate * dt / _WIDTHS.astype(state.surprise.dtype), 1)
    moved = state.surprise + share * (surprise - state.surprise)
    return TimingState(state.age + dt, jnp.where(_current(state), moved, state.surprise))


def _current(state: TimingState) -> Bool[Array, " 32"]:
    """Return which interval the age is in, as a mask."""
    interval = jnp.floor(_PER_OCTAVE * jnp.log2(1 + state.age / _FIRST))
    return jnp.arange(INTERVALS, dtype=interval.dtype) == jnp.minimum(interval, INTERVALS - 1)
