"""Legs that fall on level ground, in five lanes."""

import jax.numpy as jnp
import numpy as np

from dsjax.walker.advancement import Sweep
from dsjax.walker.geometry import Pose, Vec
from dsjax.walker.pieces import Edge
from dsjax.walker.shapes import HALF_HEIGHT, HALF_WIDTH, leg_polygon

GAPS = np.array([0.3, 0.3, 0.3, 0.001, 5.0], np.float32)  # [m] above the ground at the start
FALLS = np.array([0.6, 0.2, 0.5, 0.2, 6.0], np.float32)  # [m] in the sweep
ANGLES = np.array([0.0, 0.0, 0.7, 0.0, -0.4], np.float32)


def falls():
    """Return the ground, the leg, and what it does in five lanes."""
    leg = jnp.zeros(5, jnp.int32)
    low = np.abs(np.sin(ANGLES)) * HALF_WIDTH[0] + np.abs(np.cos(ANGLES)) * HALF_HEIGHT
    zero = jnp.zeros(5)
    sweep = Sweep(*(Pose(Vec(zero, jnp.asarray(low + y)), jnp.asarray(ANGLES)) for y in (GAPS, GAPS - FALLS)))
    return Edge(Vec(zero - 5, zero), Vec(zero + 5, zero)), leg_polygon(leg), sweep
