"""Neurons whose sensitivity adapts towards a target activity.

    y = relu(tanh(x s))        e = target - |y|

    none        s stays
    linear      ds/dt = rate e
    nonlinear   ds/dt = rate e (2 - log10 s)(log10 s + 2) / 4      slows down towards s = 0.01 and s = 100

Source: Wei & Webb, IROS 2018; the three variants are those of the two published codes.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax.typing import DTypeLike

from dsjax.hyperparameters import ADAPTATIONS, NeuronParams
from dsjax.shapes import Array, ArrayLike, Float, Scalar, require_shape

__all__ = ["ADAPTATIONS", "NeuronParams", "NeuronState", "activity", "init", "step"]


class NeuronState(NamedTuple):
    """What a layer of n neurons carries from step to step."""

    sensitivity: Float[Array, " n"]


def init(count: int, params: NeuronParams, dtype: DTypeLike | None = None) -> NeuronState:
    """Return `count` neurons at the initial sensitivity."""
    return NeuronState(sensitivity=jnp.full(count, params.sensitivity, dtype or jnp.result_type(float)))


def activity(state: NeuronState, inputs: Float[ArrayLike, " n"]) -> Float[Array, " n"]:
    """Return y = relu(tanh(inputs * sensitivity)), (n,)."""
    return jax.nn.relu(jnp.tanh(inputs * state.sensitivity))


def step(
    state: NeuronState, inputs: Float[ArrayLike, " n"], adaptation: str, params: NeuronParams, dt: Scalar
) -> tuple[NeuronState, Float[Array, " n"]]:
    """Respond to the inputs, then adapt for dt.

    Args:
      state: NeuronState, leaves (n,).
      inputs: (n,) summed input x.
      adaptation: one of `ADAPTATIONS`; static.
      params: NeuronParams.
      dt: () [ms]; 0 leaves the state unchanged.

    Returns:
      (NeuronState, activity (n,)).

    Raises:
      ValueError: `adaptation` is none of `ADAPTATIONS`, or `inputs` has another shape than the neurons.
    """
    require_shape("inputs", inputs, state.sensitivity.shape, "(neurons,)")
    y = activity(state, inputs)
    s = state.sensitivity
    error = params.target - jnp.abs(y)
    match adaptation:
        case "none":
            return state, y
        case "linear":
            change = error * params.rate * dt
        case "nonlinear":
            # Clipped before the logarithm only, as published; far outside the range the factor keeps s in.
            log = jnp.log10(jnp.clip(s, 1e-3, 1e3))
            change = error * params.rate * dt * (2 - log) * (log + 2) / 4
        case _:
            raise ValueError(f"adaptation = {adaptation!r}: must be one of {', '.join(ADAPTATIONS)}")
    return NeuronState(sensitivity=jnp.clip(s + change, params.minimum, params.maximum)), y
