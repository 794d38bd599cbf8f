"""Pieces of ground: the lines between the columns of a terrain, which bodies touch and the lidar sees."""

import jax
import jax.numpy as jnp

from dsjax.walker.geometry import Lanes, Vec
from dsjax.walker.manifold import Edge
from dsjax.walker.terrain import COLUMNS, STEP, positions

EDGES = COLUMNS - 1


def column_of(x: Lanes) -> Lanes:
    """Return the number of the column at or left of x [m], int."""
    return jnp.floor(x / STEP).astype(jnp.int32)


def edges(heights: jax.Array, number: Lanes, walker: Lanes) -> Edge:
    """Return pieces of ground by their number, that of the column where they begin.

    Args:
      heights: (200, N) [m].
      number: int, in any shape; what is out of range gives the first or last piece.
      walker: int, on whose ground each is, to be broadcast against `number`.
    """
    number = jnp.clip(number, 0, EDGES - 1)
    flat, at, x = heights.reshape(-1), number * heights.shape[-1] + walker, jnp.asarray(positions())
    start, end = jnp.take(flat, at, mode="clip"), jnp.take(flat, at + heights.shape[-1], mode="clip")
    return Edge(Vec(x[number], start), Vec(x[number + 1], end))


def existing(number: Lanes) -> Lanes:
    """Return whether there is a piece of ground of a number, bool."""
    return (number >= 0) & (number < EDGES)
