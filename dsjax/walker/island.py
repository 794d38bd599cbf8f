"""A walker's bodies, joints and contacts, solved together: Box2D's island.

Elementwise over walkers: every quantity is a tuple of arrays, one per body, joint or contact, so that XLA or a kernel
keeps a walker's whole state in registers.
"""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from dsjax.walker import contacts, joints
from dsjax.walker.contacts import Contact, ContactConstraint, Mass, leg_mass
from dsjax.walker.geometry import Lanes, Pose, Vec, Velocity, any_lane, dot, pick, settle, where
from dsjax.walker.joints import JOINTS, SOLVING_ORDER, JointConstraint, JointImpulse, Poses, Velocities
from dsjax.walker.shapes import GRAVITY, HULL, INVERSE_MASS, LEGS, MAX_ROTATION, MAX_TRANSLATION, SLOP, TIME_STEP
from dsjax.walker.stack import at, each, length, listed, of_all

# gymnasium's: 6 * 30 and 2 * 30. Both matter: the velocities are not converged after 120 iterations.
VELOCITY_ITERATIONS, POSITION_ITERATIONS = 180, 60
_OVERLAP_SHARE = 0.2  # of an overlap that a position iteration removes


class Island(NamedTuple):
    """What a step begins with."""

    poses: Poses  # of the five bodies
    velocities: Velocities
    push: Lanes  # [N] on the hull, to the right
    motors: tuple  # of the four joints, see `joints.motors`
    joint_impulses: tuple[JointImpulse, ...]
    limits: tuple[Lanes, ...]  # int, states of the joints' limits


class Begun(NamedTuple):
    """What velocities are iterated from."""

    poses: Poses
    velocities: Velocities  # with the forces of the step
    constraints: tuple[JointConstraint, ...]
    joint_impulses: tuple[JointImpulse, ...]
    limits: tuple[Lanes, ...]


class Solved(NamedTuple):
    """What a step ends with."""

    poses: Poses
    velocities: Velocities
    joint_impulses: tuple[JointImpulse, ...]
    limits: tuple[Lanes, ...]
    impulses: Any  # of the contacts


def begin(island: Island) -> Begun:
    """Let the forces of a time step act, and prepare the joints."""
    forces = [Vec(island.push * INVERSE_MASS[HULL], GRAVITY)] + LEGS * [Vec(0.0, GRAVITY)]
    velocities = tuple(
        Velocity(v.linear + TIME_STEP * force, v.angular) for v, force in zip(island.velocities, forces, strict=True)
    )
    prepared = [
        joints.prepare(joint, island.poses, *rest)
        for joint, *rest in zip(JOINTS, island.joint_impulses, island.limits, island.motors, strict=True)
    ]
    return settle(Begun(island.poses, velocities, *zip(*prepared, strict=True)))


def iterate_velocities(begun: Begun, touching: Any, impulses: Any) -> tuple[Velocities, tuple, list]:
    """Return velocities, the joints' impulses and the contacts', as a list: warm start, then all iterations.

    Args:
      begun: leaves of one shape.
      touching: stack of Contact in the solver's order, see `stack`.
      impulses: stack of their Impulses of the step before.
    """

    def prepare(contact: Contact) -> tuple[Lanes, Mass, ContactConstraint]:
        mass = leg_mass(contact.leg)
        return contact.leg, mass, contacts.prepare(contact, settle(_of(contact.leg, begun.poses)), mass)

    def warm_start(m: Any, velocities: Velocities) -> Velocities:
        leg, mass, constraint = at(prepared, m)
        own = contacts.warm_start(_of(leg, velocities), mass, constraint, at(impulses, m))
        return _with(leg, velocities, own)

    def iterate(_: Any, carry: Any) -> Any:
        velocities, joint_impulses, impulses = carry[0], list(carry[1]), list(carry[2])
        for k in SOLVING_ORDER:
            velocities, joint_impulses[k] = joints.solve(JOINTS[k], velocities, begun.constraints[k], joint_impulses[k])
        for m in range(number):
            leg, mass, constraint = at(prepared, m)
            own = settle(_of(leg, velocities))
            own, impulses[m] = contacts.solve(own, mass, constraint, impulses[m])
            velocities = settle(_with(leg, velocities, settle(own)))
        return velocities, tuple(joint_impulses), impulses

    prepared, number = settle(of_all(prepare, touching)), length(touching)
    velocities = each(prepared, number, warm_start, begun.velocities)
    for k in SOLVING_ORDER:
        velocities = joints.warm_start(JOINTS[k], velocities, begun.constraints[k], begun.joint_impulses[k])
    start = velocities, begun.joint_impulses, listed(impulses)
    return jax.lax.fori_loop(0, VELOCITY_ITERATIONS, iterate, start)


def finish(begun: Begun, velocities: Velocities, joint_impulses: tuple, impulses: Any) -> Solved:
    """Return the island moved by its velocities for a time step, before its positions are solved."""
    velocities = tuple(limited(velocity, TIME_STEP) for velocity in velocities)
    poses = tuple(moved(pose, velocity, TIME_STEP) for pose, velocity in zip(begun.poses, velocities, strict=True))
    return Solved(poses, velocities, joint_impulses, begun.limits, impulses)


def solve_positions(poses: Poses, touching: Any, most: Any, limits: tuple, iterations: Any) -> tuple[Poses, Lanes]:
    """Return poses that overlap and come apart less, after as many iterations as each walker needs, and whether that
    was enough.

    Args:
      poses: of the five bodies.
      touching: stack of Contact, see `stack`.
      most: int, how many of an axis count.
      limits: states of the joints' limits.
      iterations: int, at most.
    """

    def push_out(m: Any, carry: Any) -> Any:
        poses, deepest = carry
        contact = at(touching, m)
        own, separation = contacts.solve_position(
            contact, settle(_of(contact.leg, poses)), leg_mass(contact.leg), _OVERLAP_SHARE
        )
        return settle(_with(contact.leg, poses, own), jnp.minimum(deepest, separation))

    def iterate(carry: Any) -> Any:
        number, old, done = carry
        poses, deepest = each(touching, most, push_out, (old, jnp.zeros_like(old[0].angle)))
        met = deepest >= -3 * SLOP
        for k in SOLVING_ORDER:
            poses, joined = joints.solve_position(JOINTS[k], poses, limits[k])
            met = met & joined
        return number + 1, where(done, old, poses), done | met

    start = 0, poses, jnp.zeros(jnp.shape(poses[0].angle), bool)
    _, poses, done = jax.lax.while_loop(lambda c: (c[0] < iterations) & any_lane(~c[2]), iterate, start)
    return poses, done


def limited(velocity: Velocity, dt: Lanes) -> Velocity:
    """Return a velocity that moves its body no further than Box2D allows in a time [s]."""
    way = dt * velocity.linear
    square, turned = dot(way, way), jnp.abs(dt * velocity.angular)
    far, fast = square > MAX_TRANSLATION**2, turned > MAX_ROTATION
    shrink = jnp.where(far, MAX_TRANSLATION / jnp.sqrt(jnp.where(far, square, 1.0)), 1.0)
    slow = jnp.where(fast, MAX_ROTATION / jnp.where(fast, turned, 1.0), 1.0)
    return Velocity(shrink * velocity.linear, slow * velocity.angular)


def moved(pose: Pose, velocity: Velocity, dt: Lanes) -> Pose:
    """Return a pose after a time [s]."""
    return Pose(pose.center + dt * velocity.linear, pose.angle + dt * velocity.angular)


def _of(leg: Lanes, bodies: tuple) -> Any:
    """Return by lane what belongs to a leg, among bodies."""
    return pick(leg, bodies[1:])


def _with(leg: Lanes, bodies: tuple, changed: Any) -> tuple:
    """Return what belongs to bodies, with that of a leg replaced by lane."""
    return bodies[0], *(where(leg == number, changed, body) for number, body in enumerate(bodies[1:]))
