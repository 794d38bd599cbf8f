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
from dsjax.walker.broad import SLOTS, Box, Contacts, find_new, follow, last_told
from dsjax.walker.contacts import Contact, Impulses, Mass, leg_mass
from dsjax.walker.geometry import CENTERED, Lanes, Pose, Velocity, any_lane, frame, is_kernel, settle, where
from dsjax.walker.ground import edges
from dsjax.walker.island import VELOCITY_ITERATIONS, limited, moved
from dsjax.walker.kernel import Method
from dsjax.walker.lanes import first_active, on_active_pairs, put, take, width_of
from dsjax.walker.manifold import Edge, Manifold, carried, collide
from dsjax.walker.shapes import HULL_CENTER, HULL_POLYGON, SLOP, TIME_STEP, Polygon, leg_polygon
from dsjax.walker.stack import at, each, joined
from dsjax.walker.touching import any_below, rank

_MAX_CONTACTS = 4  # of a leg that are solved at an impact; more were never counted
_MAX_IMPACTS = 8  # of one contact in a step
_LATEST = 1 - 10 * 1.1920929e-7  # an impact any later counts as none
_POSITION_ITERATIONS, _OVERLAP_SHARE = 20, 0.75
_IMPACT_SHARE = 0.1  # of legs that have an impact
_NEAR_SHARE, _STRUCK_SHARE = 0.05, 0.25  # of slots near the ground, of all legs and of those that have an impact
_FIRST = 2**30  # an order after every other


class Legs(NamedTuple):
    """Legs within a step: lane k N + w is leg k of walker w."""

    start: Pose  # at `since`
    end: Pose  # at the end of the step
    velocity: Velocity
    since: Lanes  # share of the step at which the last impact was
    box: Box  # fat
    contacts: Contacts  # leaves (..., 8, n)
    enabled: Lanes  # (8, n) bool: False once an impact turned out to touch nothing
    impacts: Lanes  # (8, n) int: of each contact so far
    time: Lanes  # (8, n) share of the step at which each contact's next impact is; 1 for none
    flag: Lanes  # (n,) bool: ground contact, as gymnasium's listener has it
    events: Lanes  # (n,) int: impacts that were solved


def begin(start: Pose, end: Pose, velocity: Velocity, box: Box, contacts: Contacts, flag: Lanes) -> Legs:
    """Return legs before the search for impacts."""
    lanes = flag.shape[0]
    slots = SLOTS, lanes
    return Legs(
        start, end, velocity, jnp.zeros(lanes), box, contacts, jnp.ones(slots, bool), jnp.zeros(slots, jnp.int32),
        jnp.ones(slots), flag, jnp.zeros(lanes, jnp.int32),
    )  # fmt: skip


def resolve(legs: Legs, heights: jax.Array, method: Method) -> Legs:
    """Return legs at the end of the step, after all impacts.

    Args:
      legs: of all walkers, 4 N lanes.
      heights: (200, N).
      method: how to compute.
    """
    lanes = legs.flag.shape[0]
    number = jnp.arange(lanes)
    legs = legs._replace(time=_times(legs, heights, number, _NEAR_SHARE, method))
    width = width_of(lanes, _IMPACT_SHARE)

    def one_pass(legs: Legs) -> Legs:
        chosen = first_active(_earliest(legs)[1] <= _LATEST, width)
        own = _strike(take(legs, chosen), heights, jnp.minimum(chosen, lanes - 1), method)
        return put(legs, chosen, own)

    return jax.lax.while_loop(lambda legs: any_lane(_earliest(legs)[1] <= _LATEST), one_pass, legs)


def hull_hits(start: Pose, end: Pose, heights: jax.Array, active: jax.Array, method: Method) -> jax.Array:
    """Return whether a hull touches the ground on its way, (N,) bool.

    Args:
      start: (N,) at the step's begin.
      end: (N,) at its end.
      heights: (200, N).
      active: (N,) bool, walkers to look at.
      method: how to compute.
    """
    sweep, ends = Sweep(start, end), (frame(start, HULL_CENTER), frame(end, HULL_CENTER))

    def near(piece: Edge) -> Lanes:
        return active & may_touch(piece, HULL_POLYGON, sweep, *ends)

    def hits(piece: Edge, walker: Lanes) -> Lanes:
        own = take(sweep, walker)
        hit, time = method.run(_hull_impact, *settle(piece, own))
        pose = between(own.start, own.end, time)
        touching = collide(piece, frame(pose, HULL_CENTER), HULL_POLYGON).count > 0
        return hit & (time <= _LATEST) & touching

    return any_below(jnp.minimum(start.center.x, end.center.x) - 1.3, heights, near, hits)


def _hull_impact(edge: Edge, sweep: Sweep) -> tuple[Lanes, Lanes]:
    return time_of_impact(edge, HULL_POLYGON, sweep, jnp.ones_like(edge.start.x, bool))


def _leg_impact(edge: Edge, leg: Lanes, sweep: Sweep) -> tuple[Lanes, Lanes]:
    return time_of_impact(edge, leg_polygon(leg), sweep, jnp.ones_like(leg, bool))


def _usable(legs: Legs) -> Lanes:
    return (legs.contacts.edge >= 0) & legs.enabled & (legs.impacts <= _MAX_IMPACTS) & (legs.since < 1)


def _earliest(legs: Legs) -> tuple[Lanes, Lanes]:
    """Return which slot of each leg has the earliest impact, (8, n) bool, the newest if equal, and when it is, (n,)."""
    time = jnp.where(_usable(legs), legs.time, 1.0)
    when = time.min(0)
    order = jnp.where(time == when, legs.contacts.order, -1)
    slot = order.argmax(0)
    return jnp.arange(SLOTS)[:, None] == slot, when


def _times(legs: Legs, heights: jax.Array, number: Lanes, share: float, method: Method) -> Lanes:
    """Return when each slot's next impact is, (8, n).

    Args:
      legs: leaves (n,).
      heights: (200, N).
      number: (n,) int, which of all legs these are.
      share: of the slots that is usually near enough to the ground.
      method: how to compute.
    """
    walkers, lanes = heights.shape[-1], number.shape[0]
    leg, walker = number // walkers, number % walkers
    piece = edges(heights, legs.contacts.edge, walker)
    sweep = Sweep(legs.start, legs.end)
    ends = settle(frame(legs.start, CENTERED), frame(legs.end, CENTERED))
    near = _usable(legs) & may_touch(piece, leg_polygon(leg), sweep, *ends)
    numbers = legs.contacts.edge.reshape(-1)

    def when(pair: Lanes) -> Lanes:
        lane = pair % lanes
        piece = edges(heights, numbers[pair], walker[lane])
        hit, time = method.run(_leg_impact, *settle(piece, leg[lane], take(sweep, lane)))
        since = legs.since[lane]
        return jnp.where(hit, jnp.minimum(since + (1 - since) * time, 1.0), 1.0)

    return jnp.where(near, on_active_pairs(when, near, share), 1.0)


def _strike(legs: Legs, heights: jax.Array, number: Lanes, method: Method) -> Legs:
    """Solve the earliest impact of each leg, and find the times of the next ones.

    Args:
      legs: leaves (n,); each has an impact, or is a copy that will be dropped.
      heights: (200, N).
      number: (n,) int, which of all legs these are.
      method: how to compute.
    """
    walkers = heights.shape[-1]
    leg, walker = number // walkers, number % walkers
    polygon, mass = leg_polygon(leg), leg_mass(leg)
    first, when = _earliest(legs)
    pose = settle(between(legs.start, legs.end, (when - legs.since) / (1 - legs.since)))
    legs, manifold, solid = _update(legs, heights, walker, polygon, pose, first)

    chosen = _choose(legs.contacts, manifold, first, solid)
    rest = (1 - when) * TIME_STEP
    pushed, end, velocity = method.run(_solve, *settle(chosen, pose, legs.velocity, mass, rest))
    box, redrawn = follow(legs.box, pushed, end, polygon)
    contacts = find_new(legs.contacts, heights, walker, where(solid, box, legs.box), redrawn & solid)
    new = contacts.edge != legs.contacts.edge
    legs = legs._replace(
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
    return legs._replace(time=_times(legs, heights, number, _STRUCK_SHARE, method))


def _update(
    legs: Legs, heights: jax.Array, walker: Lanes, polygon: Polygon, pose: Pose, first: Lanes
) -> tuple[Legs, Manifold, Lanes]:
    """Bring contacts up to date at the pose of an impact: (Legs, Manifold with leaves (8, n), whether it is one).

    If the contact that is hit turns out to touch nothing, only that is noted; else all contacts are brought up to date.
    """
    contacts = legs.contacts
    exists = contacts.edge >= 0
    piece = edges(heights, contacts.edge, walker)
    manifold = collide(piece, settle(frame(pose, CENTERED)), polygon)
    manifold = settle(manifold._replace(count=jnp.where(exists, manifold.count, 0)))
    impulses = carried(contacts.count, tuple(contacts.ids), tuple(contacts.impulses), manifold)
    solid = (first & (manifold.count > 0)).any(0)
    updated = first | (solid & exists)
    begins = updated & (manifold.count > 0) & (contacts.count == 0)
    ends = updated & (manifold.count == 0) & (contacts.count > 0)
    # The contact that is hit speaks first, and the oldest last.
    any_event, last_begins = last_told(begins, ends, jnp.where(first, _FIRST, contacts.order))
    ids, carry = jnp.stack(manifold.ids), jnp.stack(impulses)
    contacts = contacts._replace(
        count=jnp.where(updated, manifold.count, contacts.count),
        ids=jnp.where(updated, ids, contacts.ids),
        impulses=jnp.where(updated, carry, contacts.impulses),
    )
    legs = legs._replace(
        contacts=contacts,
        flag=jnp.where(any_event, last_begins, legs.flag),
        enabled=(legs.enabled | (solid & exists)) & ~(first & ~solid),
        impacts=legs.impacts + first,
    )
    return legs, manifold, solid


def _choose(contacts: Contacts, manifold: Manifold, first: Lanes, solid: Lanes) -> list[Contact]:
    """Return the contacts to solve at an impact: the one that is hit, then the newest first."""
    on = (manifold.count > 0) & solid
    place = jnp.where(on, rank(on, jnp.where(first, _FIRST, contacts.order)), 99)

    def in_slot(here: Lanes, leaf: Lanes) -> Lanes:
        if leaf.dtype == bool:
            return (here & leaf).any(0)
        return jnp.where(here, leaf, jnp.zeros_like(leaf)).sum(0, dtype=leaf.dtype)

    chosen = []
    for number in range(_MAX_CONTACTS):
        here = place == number
        own = jax.tree.map(partial(in_slot, here), manifold)
        chosen.append(Contact(here.any(0), jnp.zeros_like(place[0]), own))
    return chosen


def _solve(
    chosen: list[Contact], pose: Pose, velocity: Velocity, mass: Mass, rest: Lanes
) -> tuple[Pose, Pose, Velocity]:
    """Push legs out of what they hit, let them bounce, and move them on for the rest of the step [s].

    Returns:
      (the pose at the impact, the pose at the end of the step, the velocity).
    """
    pose = _solve_position(chosen, pose, mass)
    velocity = limited(_solve_velocity(chosen, pose, velocity, mass), rest)
    return pose, moved(pose, velocity, rest), velocity


def _solve_position(chosen: list[Contact], pose: Pose, mass: Mass) -> Pose:
    touching = chosen[0].active

    def push_out(m: Any, carry: Any) -> Any:
        pushed, separation = solver.solve_position(at(stack, m), carry[0], mass, _OVERLAP_SHARE)
        return pushed, jnp.minimum(carry[1], separation)

    def iterate(carry: Any) -> Any:
        number, pose, done = carry
        pushed, deepest = each(stack, _MAX_CONTACTS, push_out, (pose, jnp.zeros_like(pose.angle)))
        return number + 1, where(done, pose, pushed), done | (deepest >= -1.5 * SLOP)

    stack = chosen if is_kernel() else joined(chosen, _MAX_CONTACTS)
    start = 0, pose, ~touching
    return jax.lax.while_loop(lambda c: (c[0] < _POSITION_ITERATIONS) & any_lane(~c[2]), iterate, start)[1]


def _solve_velocity(chosen: list[Contact], pose: Pose, velocity: Velocity, mass: Mass) -> Velocity:
    """Iterate a leg's contacts from no impulses until nothing changes, 180 times at most."""
    constraints = tuple(settle(solver.prepare(contact, pose, mass)) for contact in chosen)
    nothing = jnp.zeros_like(pose.angle)

    def iterate(carry: Any) -> Any:
        number, old, impulses, _ = carry
        velocity, impulses = old, list(impulses)
        for m, constraint in enumerate(constraints):
            velocity, impulses[m] = settle(solver.solve(velocity, mass, constraint, impulses[m]))
        before, after = jax.tree.leaves((old, carry[2])), jax.tree.leaves((velocity, tuple(impulses)))
        changed = reduce(jnp.logical_or, (a != b for a, b in zip(before, after, strict=True)))
        return number + 1, velocity, tuple(impulses), changed

    impulses = tuple(Impulses((nothing, nothing), (nothing, nothing)) for _ in chosen)
    start = 0, velocity, impulses, jnp.ones_like(nothing, bool)
    return jax.lax.while_loop(lambda c: (c[0] < VELOCITY_ITERATIONS) & any_lane(c[3]), iterate, start)[1]
