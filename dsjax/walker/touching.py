"""What touches the ground at a walker's pose: contacts brought up to date, and put into the solver's order."""

from typing import Any

import jax
import jax.numpy as jnp

from dsjax.walker.broad import SLOTS, Box, Contacts, box_of, edge_box, last_told, overlap
from dsjax.walker.contacts import NO_LEG, Contact, Impulses
from dsjax.walker.geometry import Frame, Lanes, Vec
from dsjax.walker.ground import column_of, edges, existing
from dsjax.walker.lanes import on_active, take, width_of
from dsjax.walker.manifold import TOTAL_RADIUS, Manifold, carried, collide
from dsjax.walker.shapes import HALF_WIDTH, HULL_POLYGON, LEGS, SKIN, by_leg, leg_polygon

MAX_CONTACTS = 7  # of a walker at once; more than were ever counted are not solved
_HULL_EDGES = 8  # pieces of ground below the hull
_CANDIDATE_SHARE = 0.1  # of all slots that are near enough to collide


def update(contacts: Contacts, boxes: Box, legs: Frame, heights: jax.Array) -> tuple[Contacts, Manifold]:
    """Bring contacts up to date with the legs' poses.

    Args:
      contacts: (8, 4, N) as they were; those whose fat boxes no longer overlap end.
      boxes: (4, N) the legs' fat boxes.
      legs: (4, N).
      heights: (200, N).

    Returns:
      (Contacts, whose impulses are those that points of the same ids had; Manifold with leaves (8, 4, N)).
    """
    walkers = heights.shape[-1]
    lanes = LEGS * walkers
    walker = jnp.arange(walkers)
    piece = edges(heights, contacts.edge, walker)
    alive = (contacts.edge >= 0) & overlap(boxes, edge_box(piece))
    leg = jnp.arange(LEGS)[:, None]
    tight = box_of(legs, leg_polygon(by_leg(leg, *HALF_WIDTH)))
    # Shapes that touch have boxes that overlap; the rest need no manifold. SKIN is in both boxes already.
    near = alive & overlap(tight, _around(piece.start, piece.end))

    flat_legs = jax.tree.map(lambda leaf: leaf.reshape(lanes), legs)
    numbers, counts = contacts.edge.reshape(-1), contacts.count.reshape(-1)
    ids, impulses = contacts.ids.reshape(2, -1), contacts.impulses.reshape(4, -1)

    def meet(pair: Lanes) -> tuple[Manifold, tuple]:
        lane = pair % lanes
        polygon = leg_polygon(by_leg(lane // walkers, *HALF_WIDTH))
        piece = edges(heights, numbers[pair], lane % walkers)
        manifold = collide(piece, take(flat_legs, lane), polygon)
        return manifold, carried(counts[pair], tuple(ids[:, pair]), tuple(impulses[:, pair]), manifold)

    pairs = near.reshape(-1)
    width = width_of(len(pairs), _CANDIDATE_SHARE)
    manifold, carry = on_active(meet, pairs, (jnp.arange(len(pairs)),), width)
    shape = SLOTS, LEGS, walkers
    manifold, carry = jax.tree.map(lambda leaf: leaf.reshape(shape), (manifold, carry))
    updated = Contacts(
        jnp.where(alive, contacts.edge, -1), contacts.order, manifold.count, jnp.stack(manifold.ids), jnp.stack(carry)
    )
    return updated, manifold


def ground_flags(flags: jax.Array, before: Contacts, after: Contacts) -> jax.Array:
    """Return the flags of ground contact of both lower legs, (2, N) bool, as the events of an update leave them.

    As gymnasium's ContactDetector sets them: the last event told of a leg decides, even if another contact of the
    leg still touches.
    """
    now, then = after.count > 0, before.count > 0
    any_event, begins = last_told(now & ~then, ~now & then, after.order)
    return jnp.where(any_event[1::2], begins[1::2], flags)


def hull_touches(hull: Frame, heights: jax.Array) -> jax.Array:
    """Return whether the hull touches the ground, (N,) bool."""
    walkers = heights.shape[-1]
    first = column_of(hull.origin.x - 1.25)
    number = first + jnp.arange(_HULL_EDGES)[:, None]
    piece = edges(heights, number, jnp.arange(walkers))
    near = existing(number) & overlap(box_of(hull, HULL_POLYGON), _around(piece.start, piece.end))
    flat = number.reshape(-1)

    def touches(pair: Lanes) -> Lanes:
        lane = pair % walkers
        return collide(edges(heights, flat[pair], lane), take(hull, lane), HULL_POLYGON).count > 0

    pairs = near.reshape(-1)
    touching = on_active(touches, pairs, (jnp.arange(len(pairs)),), width_of(len(pairs), 0.02))
    return touching.reshape(near.shape).any(0)


def island_order(contacts: Contacts) -> jax.Array:
    """Return the place of each touching contact in the solver's order, (8, 4, N) int, and 99 for the others.

    Box2D walks from the hull through the joints: lower leg 2, upper leg 2, upper leg 1, lower leg 1; of a leg the
    newest contact comes first.
    """
    on = contacts.count > 0
    newer = rank(on, contacts.order)
    count = on.sum(0)
    before = jnp.stack([count[3] + count[2], count[3] + count[2] + count[0], count[3], jnp.zeros_like(count[0])])
    return jnp.where(on, newer + before, 99)


def rank(on: jax.Array, order: jax.Array) -> jax.Array:
    """Return by slot how many of a leg's slots that are `on` have a greater order, (8, ...) int."""
    newer: Any = sum((on[slot] & (order[slot] > order)).astype(jnp.int32) for slot in range(SLOTS))
    return newer


def choose(contacts: Contacts, manifold: Manifold, places: jax.Array, count: int) -> tuple[Contact, Impulses]:
    """Return the first `count` contacts of each walker in the solver's order, with leaves (count, N).

    Args:
      contacts: leaves (..., 8, 4, N).
      manifold: leaves (8, 4, N).
      places: (8, 4, N) int, from `island_order`.
      count: number of contacts.
    """
    flat = jax.tree.map(lambda leaf: leaf.reshape(SLOTS * LEGS, -1), (manifold, tuple(contacts.impulses)))
    here = places.reshape(SLOTS * LEGS, -1) == jnp.arange(count)[:, None, None]
    index = jnp.where(here, jnp.arange(SLOTS * LEGS, dtype=jnp.int32)[:, None], 0).sum(1)
    active = here.any(1)
    own, (n1, n2, t1, t2) = jax.tree.map(lambda leaf: jnp.take_along_axis(leaf, index, 0), flat)
    impulses = jax.tree.map(lambda leaf: jnp.where(active, leaf, 0.0), Impulses((n1, n2), (t1, t2)))
    return Contact(active, jnp.where(active, index % LEGS, NO_LEG), own), impulses


def stored(contacts: Contacts, places: jax.Array, impulses: Impulses) -> Contacts:
    """Return the contacts with the impulses that the solver found, leaves (count, N) in the order of `choose`."""
    found = jnp.stack([*impulses.normal, *impulses.tangent])
    index = jnp.minimum(places.reshape(SLOTS * LEGS, -1), found.shape[1] - 1)
    values = jnp.stack([jnp.take_along_axis(kind, index, 0) for kind in found]).reshape(contacts.impulses.shape)
    return contacts._replace(impulses=jnp.where(places < found.shape[1], values, contacts.impulses))


def _around(start: Vec, end: Vec) -> Box:
    """Return the box around a piece of ground with its skin, and a little more for rounding."""
    grown = TOTAL_RADIUS - SKIN + 0.005
    margin = Vec(grown, grown)
    lower = Vec(jnp.minimum(start.x, end.x), jnp.minimum(start.y, end.y))
    upper = Vec(jnp.maximum(start.x, end.x), jnp.maximum(start.y, end.y))
    return Box(lower - margin, upper + margin)
