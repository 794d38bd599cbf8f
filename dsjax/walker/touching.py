"""What touches the ground at a walker's pose: contacts brought up to date, and put into the solver's order."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

from dsjax.walker.broad import SLOTS, Box, Contacts, box_of, edge_box, last_told, overlap
from dsjax.walker.contacts import NO_LEG, Contact, Impulses
from dsjax.walker.geometry import Frame, Lanes
from dsjax.walker.ground import column_of, edges, existing
from dsjax.walker.lanes import on_active_pairs, take
from dsjax.walker.manifold import Edge, Manifold, carried, collide
from dsjax.walker.shapes import HULL_POLYGON, LEGS, leg_polygon

MAX_CONTACTS = 7  # of a walker at once; more than were ever counted are not solved
_HULL_EDGES = 8  # pieces of ground below the hull
_CANDIDATE_SHARE, _HULL_SHARE = 0.1, 0.02  # of slots, and of pieces below hulls, that are near enough to collide
_ROUNDING = 0.005  # [m] by which boxes may be off, and more


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
    tight = box_of(legs, leg_polygon(jnp.arange(LEGS)[:, None]))
    # Shapes that touch have boxes that overlap; the rest need no manifold.
    near = alive & overlap(tight, edge_box(piece, _ROUNDING))

    flat_legs = jax.tree.map(lambda leaf: leaf.reshape(lanes), legs)
    numbers, counts = contacts.edge.reshape(-1), contacts.count.reshape(-1)
    ids, impulses = contacts.ids.reshape(2, -1), contacts.impulses.reshape(4, -1)

    def meet(pair: Lanes) -> tuple[Manifold, tuple]:
        lane = pair % lanes
        piece = edges(heights, numbers[pair], lane % walkers)
        manifold = collide(piece, take(flat_legs, lane), leg_polygon(lane // walkers))
        return manifold, carried(counts[pair], tuple(ids[:, pair]), tuple(impulses[:, pair]), manifold)

    manifold, carry = on_active_pairs(meet, near, _CANDIDATE_SHARE)
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

    def near(piece: Edge) -> Lanes:
        return overlap(box_of(hull, HULL_POLYGON), edge_box(piece, _ROUNDING))

    def touches(piece: Edge, walker: Lanes) -> Lanes:
        return collide(piece, take(hull, walker), HULL_POLYGON).count > 0

    return any_below(hull.origin.x - 1.25, heights, near, touches)


def any_below(
    left: Lanes, heights: jax.Array, near: Callable[[Edge], Lanes], meets: Callable[[Edge, Lanes], Lanes]
) -> jax.Array:
    """Return whether each walker's hull meets any piece of ground below it, (N,) bool.

    Args:
      left: (N,) [m], x of where to begin to look.
      heights: (200, N).
      near: of pieces (8, N): whether it is worth while to ask.
      meets: of some pieces and their walkers, (n,) int.
    """
    walkers = heights.shape[-1]
    number = column_of(left) + jnp.arange(_HULL_EDGES)[:, None]
    pieces = edges(heights, number, jnp.arange(walkers))
    flat = number.reshape(-1)

    def one(pair: Lanes) -> Lanes:
        walker = pair % walkers
        return meets(edges(heights, flat[pair], walker), walker)

    return on_active_pairs(one, existing(number) & near(pieces), _HULL_SHARE).any(0)


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
