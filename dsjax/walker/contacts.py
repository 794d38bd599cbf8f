"""Contacts of a leg with the ground: Box2D's contact solver, one body against a static one.

Velocities: friction of both points, clamped to |tangent| <= mu normal, then the normal impulses of both points at once,
as a linear complementarity problem of size 2 solved by trying its four cases (the "block solver" of b2ContactSolver,
Box2D 2.3, E. Catto). Positions: each point pushes the body out of the ground by a share of the overlap.
"""

from typing import NamedTuple

import jax.numpy as jnp

from dsjax.walker.geometry import CENTERED, Frame, Lanes, Pose, Vec, Velocity, cross, dot, frame, settle, tangent, where
from dsjax.walker.manifold import TOTAL_RADIUS, Manifold
from dsjax.walker.shapes import FRICTION, INVERSE_INERTIA, INVERSE_MASS, SKIN, SLOP, by_leg

_MAX_CONDITION = 1000.0  # of the effective mass of two points: beyond it they count as one
_MAX_CORRECTION = 0.2  # [m] in a position iteration

NO_LEG = -1  # of a contact that there is not: what it does is done to no body


class Mass(NamedTuple):
    """A body's reluctance to move."""

    inverse: Lanes  # [1/kg]
    inverse_inertia: Lanes  # [1/(kg m^2)]


class Impulses(NamedTuple):
    """What the points of a contact have exerted in a step [N s]."""

    normal: tuple[Lanes, Lanes]
    tangent: tuple[Lanes, Lanes]


class Contact(NamedTuple):
    """A contact to solve: of which leg, and how it touches; lanes without one have `active` False."""

    active: Lanes  # bool
    leg: Lanes  # int, 0 to 3, or NO_LEG
    manifold: Manifold


class ContactConstraint(NamedTuple):
    """What solving a contact's velocities needs, constant over a step; masses of what is not there are 0."""

    normal: Vec  # from the ground
    normal_arm: tuple[Lanes, Lanes]  # [m] r x normal of each point
    tangent_arm: tuple[Lanes, Lanes]
    k: tuple[Lanes, Lanes, Lanes]  # 11, 12, 22 of the effective mass of the normals
    inverse: tuple[Lanes, Lanes, Lanes]  # 11, 12, 22 of its inverse; that of point 1 alone where two count as one
    normal_mass: tuple[Lanes, Lanes]
    tangent_mass: tuple[Lanes, Lanes]
    both: Lanes  # bool: two points are solved together
    active: Lanes  # bool


def leg_mass(leg: Lanes) -> Mass:
    """Return by lane the mass of a leg, an upper one (0, 2) or a lower one (1, 3)."""
    return Mass(by_leg(leg, *INVERSE_MASS[1:3]), by_leg(leg, *INVERSE_INERTIA[1:3]))


def prepare(contact: Contact, pose: Pose, mass: Mass) -> ContactConstraint:
    """Begin a step: return the contact's constraint at the body's pose."""
    manifold, body = contact.manifold, frame(pose, CENTERED)
    normal, plane, (first, second) = _in_world(manifold, body)
    arms = [_midpoint(point, plane, normal) - pose.center for point in (first, second)]
    normal = where(manifold.on_body, -normal, normal)
    r_n = tuple(cross(arm, normal) for arm in arms)
    r_t = tuple(cross(arm, tangent(normal)) for arm in arms)
    m, i = mass
    k11, k22, k12 = m + i * r_n[0] * r_n[0], m + i * r_n[1] * r_n[1], m + i * r_n[0] * r_n[1]
    det = k11 * k22 - k12 * k12
    both = (manifold.count == 2) & (k11 * k11 < _MAX_CONDITION * det)
    scale = 1 / jnp.where(both, det, 1.0)
    on = contact.active.astype(k11.dtype)
    on_both = on * both
    return ContactConstraint(
        normal, r_n, r_t, (k11, k12, k22),
        (jnp.where(both, scale * k22, 1 / k11) * on, -scale * k12 * on_both, scale * k11 * on_both),
        (1 / k11 * on, 1 / k22 * on_both),
        (1 / (m + i * r_t[0] * r_t[0]) * on, 1 / (m + i * r_t[1] * r_t[1]) * on_both),
        both, contact.active,
    )  # fmt: skip


def warm_start(velocity: Velocity, mass: Mass, constraint: ContactConstraint, impulses: Impulses) -> Velocity:
    """Apply the impulses of the step before; not those of a second point that is not solved."""
    one = constraint.active.astype(constraint.normal.x.dtype)
    two = one * constraint.both
    n = impulses.normal[0] * one, impulses.normal[1] * two
    t = impulses.tangent[0] * one, impulses.tangent[1] * two
    push = (n[0] + n[1]) * constraint.normal + (t[0] + t[1]) * tangent(constraint.normal)
    twist = sum(
        arm * impulse for arm, impulse in zip((*constraint.normal_arm, *constraint.tangent_arm), (*n, *t), strict=True)
    )
    return Velocity(velocity.linear + mass.inverse * push, velocity.angular + mass.inverse_inertia * twist)


def solve(
    velocity: Velocity, mass: Mass, constraint: ContactConstraint, impulses: Impulses
) -> tuple[Velocity, Impulses]:
    """Iterate a contact once: friction at each point, then both normals."""
    velocity, along = _solve_friction(velocity, mass, constraint, impulses)
    velocity, across = _solve_normals(velocity, mass, constraint, impulses.normal)
    return velocity, Impulses(across, along)


def solve_position(contact: Contact, pose: Pose, mass: Mass, share: float) -> tuple[Pose, Lanes]:
    """Push the body out of the ground at each point, by a share of the overlap.

    Returns:
      (Pose, the least separation of any point [m], 0 at most).
    """
    deepest: Lanes = 0.0
    for number in range(2):
        on = contact.active & (contact.manifold.count > number)
        normal, plane, points = _in_world(contact.manifold, settle(frame(pose, CENTERED)))
        point = points[number]
        separation = dot(point - plane, normal) - TOTAL_RADIUS
        normal = where(contact.manifold.on_body, -normal, normal)
        normal, separation, point = settle(normal, separation, point)
        deepest = jnp.minimum(deepest, jnp.where(on, separation, 0.0))
        wanted = jnp.clip(share * (separation + SLOP), -_MAX_CORRECTION, 0.0)
        arm = cross(point - pose.center, normal)
        push = jnp.where(on, -wanted / (mass.inverse + mass.inverse_inertia * arm * arm), 0.0)
        push, arm, deepest = settle(push, arm, deepest)
        pose = Pose(pose.center + mass.inverse * push * normal, pose.angle + mass.inverse_inertia * arm * push)
    return settle(pose, deepest)


def _solve_friction(
    velocity: Velocity, mass: Mass, constraint: ContactConstraint, impulses: Impulses
) -> tuple[Velocity, tuple[Lanes, Lanes]]:
    direction = tangent(constraint.normal)
    speed, angular = dot(direction, velocity.linear), velocity.angular
    total, along = 0.0, []
    for number in range(2):
        arm, bound = constraint.tangent_arm[number], FRICTION * impulses.normal[number]
        old = impulses.tangent[number]
        new = jnp.clip(old - constraint.tangent_mass[number] * (speed + arm * angular), -bound, bound)
        if number == 1:  # a second point that is not solved keeps what it had
            new = jnp.where(constraint.both, new, old)
        change = new - old
        change, new, speed, angular = settle(change, new, speed, angular)
        speed, angular = speed + mass.inverse * change, angular + mass.inverse_inertia * arm * change
        total = total + change
        along.append(new)
    velocity = Velocity(velocity.linear + mass.inverse * total * direction, angular)
    return velocity, (along[0], along[1])


def _solve_normals(
    velocity: Velocity, mass: Mass, constraint: ContactConstraint, old: tuple[Lanes, Lanes]
) -> tuple[Velocity, tuple[Lanes, Lanes]]:
    """Find impulses x >= 0 and velocities K x + b >= 0 of which one or the other is 0 at each point.

    The first case that holds counts: both velocities 0, point 2 free, point 1 free, both free; if none does, the
    impulses stay.
    """
    arm, (k11, k12, k22), (i11, i12, i22) = constraint.normal_arm, constraint.k, constraint.inverse
    speed = dot(constraint.normal, velocity.linear)
    v1, v2 = speed + arm[0] * velocity.angular, speed + arm[1] * velocity.angular
    velocity, v1, v2 = settle(velocity, v1, v2)
    old1, old2 = old
    x1, x2 = old1 - (i11 * v1 + i12 * v2), old2 - (i12 * v1 + i22 * v2)  # K x + b = 0, as b = v - K old
    b1, b2 = v1 - k11 * old1 - k12 * old2, v2 - k12 * old1 - k22 * old2
    y1, y2 = -constraint.normal_mass[0] * b1, -constraint.normal_mass[1] * b2
    case1 = (x1 >= 0) & (x2 >= 0)
    case2 = (y1 >= 0) & (k12 * y1 + b2 >= 0)
    case3 = (y2 >= 0) & (k12 * y2 + b1 >= 0)
    case4 = (b1 >= 0) & (b2 >= 0)
    new1 = jnp.where(case1, x1, jnp.where(case2, y1, jnp.where(case3 | case4, 0.0, old1)))
    new2 = jnp.where(case1, x2, jnp.where(case2, 0.0, jnp.where(case3, y2, jnp.where(case4, 0.0, old2))))
    new1 = jnp.where(constraint.both, new1, jnp.maximum(x1, 0.0))
    new2 = jnp.where(constraint.both, new2, old2)
    d1, d2, new1, new2 = settle(new1 - old1, new2 - old2, new1, new2)
    linear = velocity.linear + mass.inverse * (d1 + d2) * constraint.normal
    angular = velocity.angular + mass.inverse_inertia * (arm[0] * d1 + arm[1] * d2)
    return Velocity(linear, angular), (new1, new2)


def _in_world(manifold: Manifold, body: Frame) -> tuple[Vec, Vec, tuple[Vec, Vec]]:
    """Return the reference's normal and point, and the two points, in world coordinates."""
    on_body = manifold.on_body
    normal = where(on_body, body.rotation @ manifold.normal, manifold.normal)
    plane = where(on_body, body @ manifold.plane, manifold.plane)
    first, second = (where(on_body, point, body @ point) for point in manifold.points)
    return normal, plane, (first, second)


def _midpoint(point: Vec, plane: Vec, normal: Vec) -> Vec:
    """Return the middle between the two skins at a point."""
    distance = dot(point - plane, normal)
    return 0.5 * ((point + (SKIN - distance) * normal) + (point - SKIN * normal))
