"""Which legs may touch which pieces of ground: the broad phase.

As in Box2D, every leg has a box that is larger than the leg needs (a "fat AABB"): only when the leg leaves it is the
box drawn anew, and new contacts are looked for. A contact begins when boxes overlap, and ends when they no longer do;
in between the manifold says whether anything touches.

Contacts of a leg are kept in rings of slots: the line with number e is in slot e mod 8, and the box of an obstacle with
number b in slot 8 + b mod 4. No leg's box is as wide as that many pieces, so that no two contacts meet in one slot.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp

from dsjax.walker.geometry import CENTERED, Frame, Lanes, Pose, Vec, frame, where
from dsjax.walker.ground import around, kinds
from dsjax.walker.pieces import Box, box_around, grown, overlap
from dsjax.walker.shapes import SKIN, Polygon
from dsjax.walker.terrain import Terrain

MARGIN = 0.1  # [m] by which a fat box exceeds what is in it
_AHEAD = 2.0  # displacements by which it reaches ahead


class Contacts(NamedTuple):
    """Contacts of some legs, in lanes, with the ground; a slot whose edge is -1 is empty."""

    piece: jax.Array  # (S, ...) int: number of the piece of ground, by kind
    order: jax.Array  # (S, ...) int: greater for one that was created later, comparable within a leg
    count: jax.Array  # type: ignore[assignment] # (S, ...) int: points that touch; 0 where boxes overlap and nothing touches
    ids: jax.Array  # (2, S, ...) int: ids of the points, see `manifold.feature_id`
    impulses: jax.Array  # (4, S, ...) [N s]: normal 1, normal 2, tangent 1, tangent 2


def no_contacts(slots: int, *lanes: int) -> Contacts:
    """Return empty slots for lanes of a shape."""
    nothing = jnp.zeros((slots, *lanes), jnp.int32)
    ids, impulses = jnp.zeros((2, slots, *lanes), jnp.int32), jnp.zeros((4, slots, *lanes))
    return Contacts(nothing - 1, nothing, nothing, ids, impulses)


def box_of(body: Frame, polygon: Polygon) -> Box:
    """Return the box around a polygon with its skin."""
    return grown(box_around([body @ vertex for vertex in polygon.vertices]), SKIN)


def with_skin(piece: Box, margin: float = MARGIN) -> Box:
    """Return the box of a piece of ground, of which the box without skin is given, with a margin [m]: its fat box."""
    return grown(grown(piece, SKIN), margin)


def follow(fat: Box, start: Pose, end: Pose, polygon: Polygon) -> tuple[Box, Lanes]:
    """Let the fat boxes of legs follow a motion; return also whether each was drawn anew."""
    a, b = (box_of(frame(pose, CENTERED), polygon) for pose in (start, end))
    lower, upper = box_around((*a, *b))
    inside = (fat.lower.x <= lower.x) & (fat.lower.y <= lower.y) & (upper.x <= fat.upper.x) & (upper.y <= fat.upper.y)
    way = _AHEAD * (end.center - start.center)
    new = grown(Box(lower, upper), MARGIN)
    new = Box(
        new.lower + Vec(jnp.minimum(way.x, 0.0), jnp.minimum(way.y, 0.0)),
        new.upper + Vec(jnp.maximum(way.x, 0.0), jnp.maximum(way.y, 0.0)),
    )
    return where(inside, fat, new), ~inside


def find_new(contacts: Contacts, terrain: Terrain, walker: Lanes, fat: Box, moved: Lanes) -> Contacts:
    """Create the contacts of legs whose boxes were drawn anew; they touch nothing until they are next updated.

    Args:
      contacts: of the legs, (S, n).
      terrain: of N walkers.
      walker: (n,) int, on whose ground each leg is.
      fat: the legs' boxes.
      moved: (n,) bool.
    """
    number, exists, key = [], [], []
    for kind in kinds(terrain):
        first = kind.first(fat.lower.x - (MARGIN + SKIN + 0.005), walker)
        slot = jnp.arange(kind.ring, dtype=jnp.int32)[:, None]
        number.append(first + ((slot - first) & (kind.ring - 1)))  # as many pieces from there on, each in its slot
        exists.append(kind.existing(number[-1]))
        key.append(kind.key + number[-1])
    piece, there, keys = map(jnp.concatenate, (number, exists, key))
    near = overlap(fat, with_skin(around(terrain, piece, walker)))
    new = there & near & moved & (contacts.piece != piece)
    # Of those created at once the one with the higher key counts as later.
    latest = jnp.where(contacts.piece >= 0, contacts.order, 0).max(0) // 1024
    return Contacts(
        jnp.where(new, piece, contacts.piece),
        jnp.where(new, (latest + 1) * 1024 + keys, contacts.order),
        jnp.where(new, 0, contacts.count),
        contacts.ids,
        jnp.where(new, 0.0, contacts.impulses),
    )


def last_told(begins: Lanes, ends: Lanes, order: Lanes) -> tuple[Lanes, Lanes]:
    """Return whether any contact of a leg begins or ends to touch, and what the last one of them told does.

    Args:
      begins: (S, ...) bool.
      ends: (S, ...) bool.
      order: (S, ...) int: the lowest is told last.

    Returns:
      ((...) bool: anything; (...) bool: the last one begins).
    """
    event = begins | ends
    lowest = jnp.where(event, order, jnp.iinfo(jnp.int32).max)
    return event.any(0), (event & (lowest == lowest.min(0)) & begins).any(0)
