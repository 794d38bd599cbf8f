"""What touches the ground at a walker's pose: contacts brought up to date, and put into the solver's order."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from dsjax.walker.broad import Contacts, box_of, last_told, with_skin
from dsjax.walker.contacts import NO_LEG, Contact, Impulses
from dsjax.walker.geometry import Frame, Lanes
from dsjax.walker.ground import Kind, around, kinds
from dsjax.walker.lanes import on_active_pairs, take
from dsjax.walker.manifold import Manifold, carried, collide
from dsjax.walker.pieces import Box, overlap
from dsjax.walker.shapes import LEGS, leg_polygon
from dsjax.walker.terrain import Terrain

MAX_CONTACTS = 7  # of a walker at once; more than were ever counted are not solved
ROUNDING = 0.005  # [m] by which boxes may be off, and more
_CANDIDATE_SHARE = 0.1  # of slots that are near enough to collide


def update(
    contacts: Contacts, boxes: Box, legs: Frame, leg: Lanes, walker: Lanes, terrain: Terrain
) -> tuple[Contacts, Manifold]:
    """Bring contacts up to date with the legs' poses.

    Args:
      contacts: (S, n) as they were; those whose fat boxes no longer overlap end.
      boxes: (n,) the legs' fat boxes.
      legs: (n,).
      leg: (n,) int, which leg of a walker each is.
      walker: (n,) int, on whose ground each is.
      terrain: of N walkers.

    Returns:
      (Contacts, whose impulses are those that points of the same ids had; Manifold with leaves (S, n)).
    """
    alive = (contacts.piece >= 0) & overlap(boxes, with_skin(around(terrain, contacts.piece, walker)))
    manifold, carry = meet(contacts, alive, legs, leg, walker, terrain, _CANDIDATE_SHARE)
    updated = Contacts(
        jnp.where(alive, contacts.piece, -1), contacts.order, manifold.count, jnp.stack(manifold.ids), jnp.stack(carry)
    )
    return updated, manifold


def meet(
    contacts: Contacts, alive: Lanes, legs: Frame, leg: Lanes, walker: Lanes, terrain: Terrain, share: float
) -> tuple[Manifold, tuple]:
    """Return how legs touch the ground of their contacts, (S, n), and the impulses with which these begin.

    Args:
      contacts: (S, n) as they were.
      alive: (S, n) bool, which of them there are.
      legs: (n,).
      leg: (n,) int, which leg of a walker each is.
      walker: (n,) int, on whose ground each is.
      terrain: of N walkers.
      share: of the contacts that is usually near enough to touch.
    """
    lanes = walker.shape[0]
    # Shapes that touch have boxes that overlap; the rest need no manifold.
    near = alive & overlap(box_of(legs, leg_polygon(leg)), with_skin(around(terrain, contacts.piece, walker), ROUNDING))

    def of_kind(kind: Kind) -> tuple[Manifold, tuple]:
        own = jax.tree.map(lambda leaf: leaf[..., kind.slots, :].reshape(*leaf.shape[:-2], -1), contacts)

        def one(pair: Lanes) -> tuple[Manifold, tuple]:
            lane = pair % lanes
            piece = kind.piece(own.piece[pair], walker[lane])
            manifold = collide(piece, take(legs, lane), leg_polygon(leg[lane]))
            return manifold, carried(own.count[pair], tuple(own.ids[:, pair]), tuple(own.impulses[:, pair]), manifold)

        return on_active_pairs(one, near[kind.slots], share)

    return jax.tree.map(lambda *leaves: jnp.concatenate(leaves), *map(of_kind, kinds(terrain)))


def ground_flags(flags: jax.Array, before: Contacts, after: Contacts) -> jax.Array:
    """Return the flags of ground contact of both lower legs, (2, N) bool, as the events of an update leave them.

    As gymnasium's ContactDetector sets them: the last event told of a leg decides, even if another contact of the
    leg still touches. Contacts are (S, 4 N).
    """
    now, then = after.count > 0, before.count > 0
    any_event, begins = (told.reshape(LEGS, -1) for told in last_told(now & ~then, ~now & then, after.order))
    return jnp.where(any_event[1::2], begins[1::2], flags)


def island_order(contacts: Contacts) -> jax.Array:
    """Return the place of each touching contact in the solver's order, (S, 4 N) int, and 99 for the others.

    Box2D walks from the hull through the joints: lower leg 2, upper leg 2, upper leg 1, lower leg 1; of a leg the
    newest contact comes first.
    """
    on = contacts.count > 0
    newer = rank(on, contacts.order)
    count = on.sum(0).reshape(LEGS, -1)
    before = jnp.stack([count[3] + count[2], count[3] + count[2] + count[0], count[3], jnp.zeros_like(count[0])])
    return jnp.where(on, newer + before.reshape(-1), 99)


def rank(on: jax.Array, order: jax.Array) -> jax.Array:
    """Return by slot how many of a leg's slots that are `on` have a greater order, (S, ...) int."""
    newer: Any = sum((on[slot] & (order[slot] > order)).astype(jnp.int32) for slot in range(len(on)))
    return newer


class Slots(NamedTuple):
    """The slots of all legs of N walkers: number 4 s + k is slot s of leg k."""

    places: jax.Array  # (4 S, N) int, from `island_order`
    manifold: Manifold  # leaves (4 S, N)
    impulses: tuple  # four of (4 S, N)


def slots(contacts: Contacts, manifold: Manifold) -> Slots:
    """Return contacts and their manifold, leaves (..., S, 4 N), by walker."""
    everything = Slots(island_order(contacts), manifold, tuple(contacts.impulses))
    return jax.tree.map(lambda leaf: leaf.reshape(len(leaf) * LEGS, -1), everything)


def choose(slots: Slots, count: int) -> tuple[Contact, Impulses]:
    """Return the first `count` contacts of each walker in the solver's order, with leaves (count, N)."""
    active, index, (own, (n1, n2, t1, t2)) = in_order(slots.places, count, slots[1:])
    impulses = jax.tree.map(lambda leaf: jnp.where(active, leaf, 0.0), Impulses((n1, n2), (t1, t2)))
    return Contact(active, jnp.where(active, index % LEGS, NO_LEG), own), impulses


def in_order(places: jax.Array, count: int, slots: Any) -> tuple[jax.Array, jax.Array, Any]:
    """Return what is in the slots whose places are 0, 1, ...

    Args:
      places: (S, n) int.
      count: number of places.
      slots: tree with leaves (S, n).

    Returns:
      (whether there is a slot of each place, (count, n) bool; its number, int; tree with leaves (count, n)).
    """
    here = places == jnp.arange(count)[:, None, None]
    index = jnp.where(here, jnp.arange(len(places), dtype=jnp.int32)[:, None], 0).sum(1)
    return here.any(1), index, jax.tree.map(lambda leaf: jnp.take_along_axis(leaf, index, 0), slots)


def stored(contacts: Contacts, places: jax.Array, impulses: Impulses) -> Contacts:
    """Return the contacts with the impulses that the solver found, leaves (count, N) in the order of `choose`."""
    found = jnp.stack([*impulses.normal, *impulses.tangent])
    index = jnp.minimum(places, found.shape[1] - 1)
    values = jnp.stack([jnp.take_along_axis(kind, index, 0) for kind in found])
    solved = jnp.where(places < found.shape[1], values, contacts.impulses.reshape(values.shape))
    return contacts._replace(impulses=solved.reshape(contacts.impulses.shape))
