"""What bodies touch and the lidar sees of a terrain: its pieces, by their numbers."""

from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp

from dsjax.walker.geometry import Lanes, Vec
from dsjax.walker.pieces import Box, Edge, Piece, box_around
from dsjax.walker.terrain import BOXES, COLUMNS, STEP, Terrain, positions

EDGES = COLUMNS - 1


class Kind(NamedTuple):
    """One kind of pieces, which are numbered from left to right."""

    total: int  # of them
    ring: int  # slots for a leg's contacts with them; no leg's box ever overlaps as many
    begin: int  # the first of these slots
    key: int  # of the first one; those of a greater key were created later
    piece: Callable[[Lanes, Lanes], Piece]  # of a number and a walker
    first: Callable[[Lanes, Lanes], Lanes]  # of x [m] and a walker: number from which on pieces may reach beyond x

    @property
    def slots(self) -> slice:
        """The slots for contacts with them."""
        return slice(self.begin, self.begin + self.ring)

    def existing(self, number: Lanes) -> Lanes:
        """Return whether there is a piece of a number, bool."""
        return (number >= 0) & (number < self.total)


def kinds(terrain: Terrain) -> list[Kind]:
    """Return the kinds of pieces that a terrain has: edges, and boxes if there are obstacles."""
    found = [Kind(EDGES, 8, 0, BOXES, partial(edges, terrain.heights), lambda x, _: jnp.maximum(column_of(x) - 1, 0))]
    if terrain.boxes is not None:
        found.append(Kind(BOXES, 4, 8, 0, partial(boxes, terrain.boxes), partial(_first_box, terrain.boxes)))
    return found


def slots(terrain: Terrain) -> int:
    """Return how many slots a leg's contacts take."""
    return sum(kind.ring for kind in kinds(terrain))


def column_of(x: Lanes) -> Lanes:
    """Return the number of the column at or left of x [m], int."""
    return jnp.floor(x / STEP).astype(jnp.int32)


def edges(heights: jax.Array, number: Lanes, walker: Lanes) -> Edge:
    """Return lines by their number, that of the column where they begin.

    Args:
      heights: (200, N) [m].
      number: int, in any shape; what is out of range gives the first or last line.
      walker: int, on whose ground each is, to be broadcast against `number`.
    """
    number = jnp.clip(number, 0, EDGES - 1)
    flat, at, x = heights.reshape(-1), number * heights.shape[-1] + walker, jnp.asarray(positions())
    start, end = jnp.take(flat, at, mode="clip"), jnp.take(flat, at + heights.shape[-1], mode="clip")
    return Edge(Vec(x[number], start), Vec(x[number + 1], end))


def boxes(all_boxes: Box, number: Lanes, walker: Lanes) -> Box:
    """Return boxes by their number, as `edges` returns lines; leaves of `all_boxes` are (40, N)."""
    at = jnp.clip(number, 0, BOXES - 1) * all_boxes.lower.x.shape[-1] + walker
    return jax.tree.map(lambda leaf: jnp.take(leaf.reshape(-1), at, mode="clip"), all_boxes)


def around(terrain: Terrain, number: Lanes, walker: Lanes) -> Box:
    """Return the boxes around the pieces in all slots, number (S, n), of walkers, (n,)."""
    found = [box_around(kind.piece(number[kind.slots], walker)) for kind in kinds(terrain)]
    return jax.tree.map(lambda *leaves: jnp.concatenate(leaves), *found)


def _first_box(all_boxes: Box, x: Lanes, walker: Lanes) -> Lanes:
    return (jnp.take(all_boxes.upper.x, walker, axis=-1, mode="clip") < x).sum(0, dtype=jnp.int32)
