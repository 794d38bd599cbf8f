"""BipedalWalker's 24 observations to the controller's 39 inputs.

    [relu(x), -relu(-x), lidar, 1]      x = the first 14 observations, scaled

Angles and speeds of either sign reach the network on separate lines, as opponent neurons would carry them.
Source: the published codes of Wei & Webb 2018.
"""

import jax
import jax.numpy as jnp

from dsjax.shapes import Array, Float, Scalar, require_shape

__all__ = ["INPUTS", "OBSERVATIONS", "PROPRIOCEPTIVE", "encode"]

OBSERVATIONS = 24
PROPRIOCEPTIVE = 14  # hull angle and velocities, joint angles and speeds, leg contacts; the other 10 are lidar
INPUTS = OBSERVATIONS + PROPRIOCEPTIVE + 1

# Brings each observation after the hull's angle to about unit range.
_SCALE = (5, 2, 2, 1, 0.5, 1, 0.3, 1, 1, 0.5, 1, 0.25, 1, 2, 1, 1, 1, 1, 1, 1, 1, 1, 1)


def encode(observation: Float[Array, " 24"], hull_scale: Scalar, negative_half: bool = True) -> Float[Array, " 39"]:
    """Return the inputs of the first layer.

    Args:
      observation: (24,) as BipedalWalker gives it.
      hull_scale: () factor on the hull's angle [1/rad].
      negative_half: whether the lines for negative values carry them or stay 0; static.

    Returns:
      (39,).

    Raises:
      ValueError: `observation` has another shape.
    """
    require_shape("observation", observation, (OBSERVATIONS,))
    dtype = observation.dtype
    scale = jnp.concatenate([jnp.reshape(jnp.asarray(hull_scale, dtype), 1), jnp.asarray(_SCALE, dtype)])
    scaled = observation * scale
    x, lidar = scaled[:PROPRIOCEPTIVE], scaled[PROPRIOCEPTIVE:]
    negative = -jax.nn.relu(-x) if negative_half else jnp.zeros_like(x)
    return jnp.concatenate([jax.nn.relu(x), negative, lidar, jnp.ones(1, dtype)])
