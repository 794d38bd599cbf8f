"""Which legs may touch which pieces of ground: the broad phase.

As in Box2D, every leg has a box that is larger than the leg needs (a "fat AABB"): only when the leg leaves it is the
box drawn anew, and new contacts are looked for. A contact begins when boxes overlap, and ends when they no longer do;
in between the manifold says whether anything touches.

Contacts of a leg are kept in a ring of 8 slots: the piece of ground with number e is in slot e mod 8. A box is never
as wide as 8 pieces, so that no two contacts meet in one slot.
"""

from collections.abc import Sequence
from typing import NamedTuple

import jax
import jax.numpy as jnp

from dsjax.walker.geometry import CENTERED, Frame, Lanes, Pose, Vec, frame, least, most, where
from dsjax.walker.ground import column_of, edges, existing
from dsjax.walker.manifold import Edge
from dsjax.walker.shapes import SKIN, Polygon

SLOTS = 8
MARGIN = 0.1  # [m] by which a fat box exceeds what is in it
_AHEAD = 2.0  # displacements by which it reaches ahead


class Box(NamedTuple):
    """An axis-aligned box."""

    lower: Vec  # [m]
    upper: Vec  # [m]


class Contacts(NamedTuple):
    """Contacts of some legs, in lanes, with the ground; a slot whose edge is -1 is empty."""

    edge: jax.Array  # (8, ...) int: number of the piece of ground
    order: jax.Array  # (8, ...) int: greater for one that was created later, comparable within a leg
    count: jax.Array  # type: ignore[assignment] # (8, ...) int: points that touch; 0 where boxes overlap and nothing touches
    ids: jax.Array  # (2, 8, ...) int: ids of the points, see `manifold.feature_id`
    impulses: jax.Array  # (4, 8, ...) [N s]: normal 1, normal 2, tangent 1, tangent 2


def no_contacts(*lanes: int) -> Contacts:
    """Return empty slots for lanes of a shape."""
    nothing = jnp.zeros((SLOTS, *lanes), jnp.int32)
    return Contacts(
        nothing - 1, nothing, nothing, jnp.zeros((2, SLOTS, *lanes), jnp.int32), jnp.zeros((4, SLOTS, *lanes))
    )


def overlap(a: Box, b: Box) -> Lanes:
    """Return whether boxes overlap or touch."""
    apart = (b.lower.x > a.upper.x) | (b.lower.y > a.upper.y) | (a.lower.x > b.upper.x) | (a.lower.y > b.upper.y)
    return ~apart


def box_around(points: Sequence[Vec]) -> Box:
    """Return the box around points."""
    xs, ys = [point.x for point in points], [point.y for point in points]
    return Box(Vec(least(xs), least(ys)), Vec(most(xs), most(ys)))


def grown(box: Box, margin: Lanes) -> Box:
    """Return a box with a margin [m] around it."""
    by = Vec(margin, margin)
    return Box(box.lower - by, box.upper + by)


def box_of(body: Frame, polygon: Polygon) -> Box:
    """Return the box around a polygon with its skin."""
    return grown(box_around([body @ vertex for vertex in polygon.vertices]), SKIN)


def edge_box(edge: Edge, margin: float = MARGIN) -> Box:
    """Return the box of a piece of ground with its skin and a margin [m]: its fat box."""
    return grown(grown(box_around(edge), SKIN), margin)


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


def find_new(contacts: Contacts, heights: jax.Array, walker: Lanes, fat: Box, moved: Lanes) -> Contacts:
    """Create the contacts of legs whose boxes were drawn anew; they touch nothing until they are next updated.

    Args:
      contacts: of the legs, (8, ...).
      heights: (200, N) [m].
      walker: (...) int, on whose ground each leg is.
      fat: the legs' boxes.
      moved: (...) bool.
    """
    first = jnp.maximum(column_of(fat.lower.x - (MARGIN + SKIN + 0.005)) - 1, 0)
    slot = jnp.arange(SLOTS, dtype=jnp.int32).reshape(SLOTS, *[1] * first.ndim)
    edge = first + ((slot - first) & (SLOTS - 1))  # the first 8 pieces from there on, each in its slot
    near = overlap(fat, edge_box(edges(heights, edge, walker)))
    new = existing(edge) & near & moved & (contacts.edge != edge)
    # Of those created at once the one with the higher number counts as later.
    latest = jnp.where(contacts.edge >= 0, contacts.order, 0).max(0) // 1024
    return Contacts(
        jnp.where(new, edge, contacts.edge),
        jnp.where(new, (latest + 1) * 1024 + edge, contacts.order),
        jnp.where(new, 0, contacts.count),
        contacts.ids,
        jnp.where(new, 0.0, contacts.impulses),
    )


def last_told(begins: Lanes, ends: Lanes, order: Lanes) -> tuple[Lanes, Lanes]:
    """Return whether any contact of a leg begins or ends to touch, and what the last one of them told does.

    Args:
      begins: (8, ...) bool.
      ends: (8, ...) bool.
      order: (8, ...) int: the lowest is told last.

    Returns:
      ((...) bool: anything; (...) bool: the last one begins).
    """
    event = begins | ends
    lowest = jnp.where(event, order, jnp.iinfo(jnp.int32).max)
    return event.any(0), (event & (lowest == lowest.min(0)) & begins).any(0)
