"""Continuous collision: legs that would pass into the ground within a step stop where they first touch it.

Box2D's SolveTOI (b2World, Box2D 2.3, E. Catto). The ground is static, so that every leg is solved alone, without its
joints: it is moved back to its earliest impact, its contacts are brought up to date there, pushed out and solved, and
it moves on for the rest of the step, until nothing more is hit. The hull needs only whether it touches, which ends the
episode.
"""

from functools import partial, reduce
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from dsjax.walker import contacts as solver
from dsjax.walker.advancement import Sweep, between, may_touch, time_of_impact
from dsjax.walker.broad import Contacts, box_of, find_new, follow, last_told, with_skin
from dsjax.walker.contacts import Contact, Impulses, Mass, leg_mass
from dsjax.walker.geometry import CENTERED, Lanes, Pose, Velocity, any_lane, frame, settle, where
from dsjax.walker.ground import Kind, kinds
from dsjax.walker.island import VELOCITY_ITERATIONS, limited, moved
from dsjax.walker.kernel import Method
from dsjax.walker.lanes import on_active, on_active_pairs, take, width_of
from dsjax.walker.manifold import Manifold, collide
from dsjax.walker.pieces import Box, Piece, box_around, overlap
from dsjax.walker.shapes import HULL_CENTER, HULL_POLYGON, SLOP, TIME_STEP, leg_polygon
from dsjax.walker.stack import at, each, listed, of_all
from dsjax.walker.terrain import Terrain
from dsjax.walker.touching import ROUNDING, in_order, meet, rank

_MAX_CONTACTS = 4  # of a leg that are solved at an impact; more were never counted
_MAX_IMPACTS = 8  # of one contact in a step
_LATEST = 1 - 10 * 1.1920929e-7  # an impact any later counts as none
_POSITION_ITERATIONS, _OVERLAP_SHARE = 20, 0.75
# What is usual of a step: legs that have an impact, slots near enough to the ground for one, slots that touch at it,
# and pieces below hulls that are near enough.
_IMPACT_SHARE, _NEAR_SHARE, _TOUCHING_SHARE, _HULL_SHARE = 0.1, 0.025, 0.2, 0.01
_FIRST = 2**30  # an order after every other


class Legs(NamedTuple):
    """Legs within a step: lane k N + w is leg k of walker w."""

    start: Pose  # at `since`
    end: Pose  # at the end of the step
    velocity: Velocity
    since: Lanes  # share of the step at which the last impact was
    box: Box  # fat
    contacts: Contacts  # leaves (..., S, n)
    enabled: Lanes  # (S, n) bool: False once an impact turned out to touch nothing
    impacts: Lanes  # (S, n) int: of each contact so far
    time: Lanes  # (S, n) share of the step at which each contact's next impact is; 1 for none
    flag: Lanes  # (n,) bool: ground contact, as gymnasium's listener has it
    events: Lanes  # (n,) int: impacts that were solved


def begin(start: Pose, end: Pose, velocity: Velocity, box: Box, contacts: Contacts, flag: Lanes) -> Legs:
    """Return legs before the search for impacts."""
    lanes = flag.shape[0]
    slots = contacts.piece.shape
    return Legs(
        start, end, velocity, jnp.zeros(lanes), box, contacts, jnp.ones(slots, bool), jnp.zeros(slots, jnp.int32),
        jnp.ones(slots), flag, jnp.zeros(lanes, jnp.int32),
    )  # fmt: skip


def resolve(legs: Legs, terrain: Terrain, method: Method) -> Legs:
    """Return legs at the end of the step, after all impacts.

    Args:
      legs: of all walkers, 4 N lanes.
      terrain: of N walkers.
      method: how to compute.
    """
    lanes = jnp.arange(legs.flag.shape[0])
    walkers = len(terrain.push)
    leg, walker = lanes // walkers, lanes % walkers
    width = width_of(len(lanes), _IMPACT_SHARE)

    def one_each(carry: tuple[Legs, Lanes]) -> tuple[Legs, Lanes]:
        """Solve the earliest impact of every leg that was just displaced, and has one."""
        legs, displaced = carry
        legs = legs._replace(time=_times(legs, displaced, leg, walker, terrain, method))
        struck = _earliest(legs)[1] <= _LATEST
        strike = partial(_strike, terrain=terrain, method=method)
        return on_active(strike, struck, (legs, leg, walker), width, legs), struck

    everything = legs, jnp.ones_like(legs.flag)
    return jax.lax.while_loop(lambda carry: any_lane(carry[1]), one_each, everything)[0]


def hull_touches(start: Pose, end: Pose, terrain: Terrain, method: Method) -> jax.Array:
    """Return whether a hull touches the ground at the start of the step, or on its way, (N,) bool.

    Args:
      start: (N,).
      end: (N,).
      terrain: of N walkers.
      method: how to compute.
    """
    walkers = len(terrain.push)
    sweep, ends = Sweep(start, end), (frame(start, HULL_CENTER), frame(end, HULL_CENTER))
    left = jnp.minimum(start.center.x, end.center.x) - 1.3

    def any_of(kind: Kind) -> jax.Array:
        number = kind.first(left, jnp.arange(walkers)) + jnp.arange(kind.ring)[:, None]
        piece = kind.piece(number, jnp.arange(walkers))
        numbers = number.reshape(-1)
        near_at_start = overlap(box_of(ends[0], HULL_POLYGON), with_skin(box_around(piece), ROUNDING))
        near = jnp.stack([near_at_start, may_touch(piece, HULL_POLYGON, sweep, *ends)])

        def touches(pair: Lanes) -> Lanes:
            on_way, pair = pair >= len(numbers), pair % len(numbers)
            walker = pair % walkers
            piece, own = kind.piece(numbers[pair], walker), take(sweep, walker)
            hit, time = method.run(_hull_impact, *settle(piece, own))
            pose = where(on_way, between(own.start, own.end, time), own.start)
            touching = collide(piece, frame(pose, HULL_CENTER), HULL_POLYGON).count > 0
            return touching & (~on_way | (hit & (time <= _LATEST)))

        return on_active_pairs(touches, kind.existing(number) & near, _HULL_SHARE).any((0, 1))

    return reduce(jnp.logical_or, map(any_of, kinds(terrain)))


def _hull_impact(piece: Piece, sweep: Sweep) -> tuple[Lanes, Lanes]:
    return time_of_impact(piece, HULL_POLYGON, sweep, jnp.ones_like(sweep.start.angle, bool))


def _leg_impact(piece: Piece, leg: Lanes, sweep: Sweep) -> tuple[Lanes, Lanes]:
    return time_of_impact(piece, leg_polygon(leg), sweep, jnp.ones_like(leg, bool))


def _usable(legs: Legs) -> Lanes:
    return (legs.contacts.piece >= 0) & legs.enabled & (legs.impacts <= _MAX_IMPACTS) & (legs.since < 1)


def _earliest(legs: Legs) -> tuple[Lanes, Lanes]:
    """Return which slot of each leg has the earliest impact, (S, n) bool, the newest if equal, and when it is, (n,)."""
    time = jnp.where(_usable(legs), legs.time, 1.0)
    when = time.min(0)
    order = jnp.where(time == when, legs.contacts.order, -1)
    slot = order.argmax(0)
    return jnp.arange(len(time))[:, None] == slot, when


def _times(legs: Legs, displaced: Lanes, leg: Lanes, walker: Lanes, terrain: Terrain, method: Method) -> Lanes:
    """Return when each slot's next impact is, (S, n), found anew for legs that were displaced, (n,) bool."""
    lanes = len(leg)
    sweep, usable = Sweep(legs.start, legs.end), displaced & _usable(legs)
    ends = settle(frame(legs.start, CENTERED), frame(legs.end, CENTERED))

    def of_kind(kind: Kind) -> Lanes:
        piece = kind.piece(legs.contacts.piece[kind.slots], walker)
        near = usable[kind.slots] & may_touch(piece, leg_polygon(leg), sweep, *ends)
        numbers = legs.contacts.piece[kind.slots].reshape(-1)

        def when(pair: Lanes) -> Lanes:
            lane = pair % lanes
            piece = kind.piece(numbers[pair], walker[lane])
            hit, time = method.run(_leg_impact, *settle(piece, leg[lane], take(sweep, lane)))
            since = legs.since[lane]
            return jnp.where(hit, jnp.minimum(since + (1 - since) * time, 1.0), 1.0)

        return on_active_pairs(when, near, _NEAR_SHARE, jnp.where(displaced, 1.0, legs.time[kind.slots]))

    return jnp.concatenate([of_kind(kind) for kind in kinds(terrain)])


def _strike(legs: Legs, leg: Lanes, walker: Lanes, terrain: Terrain, method: Method) -> Legs:
    """Solve the earliest impact of each leg.

    Args:
      legs: leaves (n,); each has an impact, or is a copy that will be dropped.
      leg: (n,) int, which leg of a walker each is.
      walker: (n,) int, on whose ground each is.
      terrain: of N walkers.
      method: how to compute.
    """
    polygon, mass = leg_polygon(leg), leg_mass(leg)
    first, when = _earliest(legs)
    pose = settle(between(legs.start, legs.end, (when - legs.since) / (1 - legs.since)))
    alive, body = legs.contacts.piece >= 0, settle(frame(pose, CENTERED))
    manifold, impulses = meet(legs.contacts, alive, body, leg, walker, terrain, _TOUCHING_SHARE)
    legs, solid = _update(legs, manifold, impulses, first)

    chosen = _choose(legs.contacts, manifold, first, solid)
    rest = (1 - when) * TIME_STEP
    stack = listed(chosen) if method.kernels else chosen
    pushed, end, velocity = method.run(_solve, *settle(stack, pose, legs.velocity, mass, rest))
    box, redrawn = follow(legs.box, pushed, end, polygon)
    contacts = find_new(legs.contacts, terrain, walker, where(solid, box, legs.box), redrawn & solid)
    new = contacts.piece != legs.contacts.piece
    return legs._replace(
        start=where(solid, pushed, legs.start),
        end=where(solid, end, legs.end),
        velocity=where(solid, velocity, legs.velocity),
        since=jnp.where(solid, when, legs.since),
        box=where(solid, box, legs.box),
        contacts=contacts,
        enabled=legs.enabled | new,
        impacts=jnp.where(new, 0, legs.impacts),
        events=legs.events + solid,
    )


def _update(legs: Legs, manifold: Manifold, impulses: tuple, first: Lanes) -> tuple[Legs, Lanes]:
    """Bring contacts up to date at the pose of an impact; return also whether it is one, (n,) bool.

    If the contact that is hit turns out to touch nothing, only that is noted; else all contacts are brought up to date.
    """
    contacts = legs.contacts
    exists = contacts.piece >= 0
    solid = (first & (manifold.count > 0)).any(0)
    updated = first | (solid & exists)
    begins = updated & (manifold.count > 0) & (contacts.count == 0)
    ends = updated & (manifold.count == 0) & (contacts.count > 0)
    # The contact that is hit speaks first, and the oldest last.
    any_event, last_begins = last_told(begins, ends, jnp.where(first, _FIRST, contacts.order))
    contacts = contacts._replace(
        count=jnp.where(updated, manifold.count, contacts.count),
        ids=jnp.where(updated, jnp.stack(manifold.ids), contacts.ids),
        impulses=jnp.where(updated, jnp.stack(impulses), contacts.impulses),
    )
    legs = legs._replace(
        contacts=contacts,
        flag=jnp.where(any_event, last_begins, legs.flag),
        enabled=(legs.enabled | (solid & exists)) & ~(first & ~solid),
        impacts=legs.impacts + first,
    )
    return legs, solid


def _choose(contacts: Contacts, manifold: Manifold, first: Lanes, solid: Lanes) -> Contact:
    """Return the contacts to solve at an impact, along an axis: the one that is hit, then the newest first."""
    on = (manifold.count > 0) & solid
    places = jnp.where(on, rank(on, jnp.where(first, _FIRST, contacts.order)), 99)
    active, index, own = in_order(places, _MAX_CONTACTS, manifold)
    return Contact(active, jnp.zeros_like(index), own)


def _solve(stack: Any, pose: Pose, velocity: Velocity, mass: Mass, rest: Lanes) -> tuple[Pose, Pose, Velocity]:
    """Push legs out of what they hit, let them bounce, and move them on for the rest of the step [s].

    Args:
      stack: of Contact, see `stack`; the first is the one that is hit.
      pose: at the impact.
      velocity: until then.
      mass: of the leg.
      rest: of the step [s].

    Returns:
      (the pose at the impact, the pose at the end of the step, the velocity).
    """
    pose = _solve_position(stack, pose, mass)
    velocity = limited(_solve_velocity(stack, pose, velocity, mass), rest)
    return pose, moved(pose, velocity, rest), velocity


def _solve_position(stack: Any, pose: Pose, mass: Mass) -> Pose:
    def push_out(m: Any, carry: Any) -> Any:
        pushed, separation = solver.solve_position(at(stack, m), carry[0], mass, _OVERLAP_SHARE)
        return pushed, jnp.minimum(carry[1], separation)

    def iterate(carry: Any) -> Any:
        number, pose, done = carry
        pushed, deepest = each(stack, _MAX_CONTACTS, push_out, (pose, jnp.zeros_like(pose.angle)))
        return number + 1, where(done, pose, pushed), done | (deepest >= -1.5 * SLOP)

    start = 0, pose, ~at(stack, 0).active
    return jax.lax.while_loop(lambda c: (c[0] < _POSITION_ITERATIONS) & any_lane(~c[2]), iterate, start)[1]


def _solve_velocity(stack: Any, pose: Pose, velocity: Velocity, mass: Mass) -> Velocity:
    """Iterate a leg's contacts from no impulses until nothing changes, 180 times at most."""
    constraints = settle(of_all(lambda contact: solver.prepare(contact, pose, mass), stack))
    nothing = jnp.zeros_like(pose.angle)

    def iterate(carry: Any) -> Any:
        number, old, impulses, _ = carry
        velocity, impulses = old, list(impulses)
        for m in range(_MAX_CONTACTS):
            velocity, impulses[m] = settle(solver.solve(velocity, mass, at(constraints, m), impulses[m]))
        before, after = jax.tree.leaves((old, carry[2])), jax.tree.leaves((velocity, tuple(impulses)))
        changed = reduce(jnp.logical_or, (a != b for a, b in zip(before, after, strict=True)))
        return number + 1, velocity, tuple(impulses), changed

    impulses = _MAX_CONTACTS * (Impulses((nothing, nothing), (nothing, nothing)),)
    start = 0, velocity, impulses, jnp.ones_like(nothing, bool)
    return jax.lax.while_loop(lambda c: (c[0] < VELOCITY_ITERATIONS) & any_lane(c[3]), iterate, start)[1]
