"""Hips and knees: Box2D's revolute joints, each with a motor and a limit.

A joint holds a point of body b on a point of body a. Its velocity constraint is C = (v_b + w_b x r_b - v_a - w_a x r_a,
w_b - w_a), solved for an impulse (P, J) by sequential impulses; the third component acts only at a limit of the angle.
The method is b2RevoluteJoint's (Box2D 2.3, E. Catto), written without branches: see `solve`.
"""

from typing import Any, NamedTuple, TypeAlias

import jax.numpy as jnp

from dsjax.walker import shapes
from dsjax.walker.geometry import Lanes, Pose, Vec, Velocity, cross, dot, settle, sincos, turn
from dsjax.walker.shapes import HULL, HULL_CENTER, INVERSE_INERTIA, INVERSE_MASS, LOWER_1, LOWER_2, UPPER_1, UPPER_2

# Limits of an angle: at the lower one, inactive, at the upper one.
AT_LOWER, INACTIVE, AT_UPPER = -1, 0, 1
_MAX_CORRECTION = 8 / 180 * 3.14159265359  # [rad] of a limit in a position iteration


class Joint(NamedTuple):
    """A joint of the walker: constants."""

    a: int  # the body above
    b: int  # the body below
    anchor_a: Vec  # [m] from a's center of mass, in a's coordinates
    anchor_b: Vec  # [m]
    lower: float  # [rad]
    upper: float  # [rad]
    reference: float  # [rad] angle of b less that of a when the joint was made
    max_speed: float  # [rad/s] of the motor


_TOP = Vec(0.0, shapes.HALF_HEIGHT)
_HIP = Vec(-HULL_CENTER.x, shapes.LEG_DOWN - HULL_CENTER.y)
_KNEE = Vec(0.0, -shapes.HALF_HEIGHT)
JOINTS = (
    Joint(HULL, UPPER_1, _HIP, _TOP, -0.8, 1.1, -0.05, 4.0),
    Joint(UPPER_1, LOWER_1, _KNEE, _TOP, -1.6, -0.1, 0.0, 6.0),
    Joint(HULL, UPPER_2, _HIP, _TOP, -0.8, 1.1, 0.05, 4.0),
    Joint(UPPER_2, LOWER_2, _KNEE, _TOP, -1.6, -0.1, 0.0, 6.0),
)
SOLVING_ORDER = (3, 2, 0, 1)  # as the world's island holds them
MOTOR_TORQUE = 80.0  # [N m]

Poses: TypeAlias = tuple[Pose, ...]
Velocities: TypeAlias = tuple[Velocity, ...]


class JointImpulse(NamedTuple):
    """What a joint has exerted in a step."""

    point: Vec  # [N s]
    limit: Lanes  # [N m s]
    motor: Lanes  # [N m s]


class JointConstraint(NamedTuple):
    """What solving a joint's velocities needs, constant over a step.

    The effective mass K of the three constraints is 3 x 3: its upper left 2 x 2 block is kept as the inverse, the
    rest by its Schur complement.
    """

    arm_a: Vec  # [m] from the center of mass to the joint
    arm_b: Vec
    inverse: tuple[Lanes, Lanes, Lanes]  # xx, xy, yy of the block's inverse
    column: Vec  # K's third column, less its last element
    gain: Vec  # inverse @ column
    limit_mass: Lanes  # 1 / (K_zz - column . gain)
    low: Lanes  # bounds of the limit's impulse: all of it is 0 while inactive
    high: Lanes
    speed: Lanes  # [rad/s] that the motor aims at
    max_motor: Lanes  # [N m s]


def motors(action: Any) -> tuple[tuple[Lanes, Lanes], ...]:
    """Return each joint's (speed aimed at [rad/s], greatest motor impulse [N m s]) from the actions, four (N,)."""
    return tuple(
        (jnp.sign(a) * joint.max_speed, shapes.TIME_STEP * MOTOR_TORQUE * jnp.minimum(jnp.abs(a), 1.0))
        for a, joint in zip(action, JOINTS, strict=True)
    )


def prepare(
    joint: Joint, poses: Poses, impulse: JointImpulse, limit: Lanes, motor: tuple[Lanes, Lanes]
) -> tuple[JointConstraint, JointImpulse, Lanes]:
    """Begin a step: return the joint's constraint, the impulse to begin with, and the state of its limit."""
    a, b = poses[joint.a], poses[joint.b]
    arm_a, arm_b = sincos(a.angle) @ joint.anchor_a, sincos(b.angle) @ joint.anchor_b
    kxx, kxy, kyy = _point_mass(joint, arm_a, arm_b)
    scale = 1 / (kxx * kyy - kxy * kxy)
    inverse = scale * kyy, -scale * kxy, scale * kxx
    ia, ib = INVERSE_INERTIA[joint.a], INVERSE_INERTIA[joint.b]
    column = Vec(-arm_a.y * ia - arm_b.y * ib, arm_a.x * ia + arm_b.x * ib)
    gain = _times(inverse, column)
    angle = b.angle - a.angle - joint.reference
    now = jnp.where(angle <= joint.lower, AT_LOWER, jnp.where(angle >= joint.upper, AT_UPPER, INACTIVE))
    constraint = JointConstraint(
        arm_a, arm_b, inverse, column, gain, 1 / (ia + ib - dot(column, gain)),
        jnp.where(now == AT_UPPER, -jnp.inf, 0.0), jnp.where(now == AT_LOWER, jnp.inf, 0.0), *motor,
    )  # fmt: skip
    # A limit that was reached or left begins from nothing.
    return constraint, impulse._replace(limit=jnp.where((now == limit) & (now != INACTIVE), impulse.limit, 0.0)), now


def warm_start(joint: Joint, velocities: Velocities, constraint: JointConstraint, impulse: JointImpulse) -> Velocities:
    """Apply the impulse of the step before."""
    return _apply(joint, velocities, constraint, impulse.point, impulse.motor + impulse.limit)


def solve(
    joint: Joint, velocities: Velocities, constraint: JointConstraint, impulse: JointImpulse
) -> tuple[Velocities, JointImpulse]:
    """Iterate a joint once: the motor, then the point together with the limit.

    With c = inverse, g = gain and s = limit_mass, the limit's impulse is clamp(J - s (C_z - g . C), low, high), and
    the point's follows from it: dP = -inverse (C + column dJ). Bounds of 0 make this the joint without a limit, and
    a bound of 0 on one side what Box2D does when the impulse would pull: so one formula serves every state.
    """
    a, b = velocities[joint.a], velocities[joint.b]
    ia, ib = INVERSE_INERTIA[joint.a], INVERSE_INERTIA[joint.b]
    motor = impulse.motor - 1 / (ia + ib) * (b.angular - a.angular - constraint.speed)
    motor = jnp.clip(motor, -constraint.max_motor, constraint.max_motor)
    change = motor - impulse.motor
    wa, wb = a.angular - ia * change, b.angular + ib * change

    error = b.linear + turn(wb, constraint.arm_b) - a.linear - turn(wa, constraint.arm_a)
    limit = impulse.limit - constraint.limit_mass * (wb - wa - dot(constraint.gain, error))
    limit = jnp.clip(limit, constraint.low, constraint.high)
    change = limit - impulse.limit
    motor, limit, change, wa, wb, error = settle(motor, limit, change, wa, wb, error)
    push = settle(-_times(constraint.inverse, error + change * constraint.column))
    velocities = replace(replace(velocities, joint.a, a.linear, wa), joint.b, b.linear, wb)
    velocities = _apply(joint, velocities, constraint, push, change)
    return settle(velocities, JointImpulse(impulse.point + push, limit, motor))


def solve_position(joint: Joint, poses: Poses, limit: Lanes) -> tuple[Poses, Lanes]:
    """Move the bodies of a joint towards what it demands; return also whether it is met within tolerance.

    Args:
      joint: the joint.
      poses: of all bodies.
      limit: state of its limit, as `prepare` found it.
    """
    a, b = poses[joint.a], poses[joint.b]
    ia, ib = INVERSE_INERTIA[joint.a], INVERSE_INERTIA[joint.b]
    angle = b.angle - a.angle - joint.reference
    below, beyond = angle - joint.lower, angle - joint.upper
    error = jnp.where(limit == AT_LOWER, -below, jnp.where(limit == AT_UPPER, beyond, 0.0))
    wanted = jnp.where(
        limit == AT_LOWER,
        jnp.clip(below + shapes.ANGULAR_SLOP, -_MAX_CORRECTION, 0.0),
        jnp.where(limit == AT_UPPER, jnp.clip(beyond - shapes.ANGULAR_SLOP, 0.0, _MAX_CORRECTION), 0.0),
    )
    push = -1 / (ia + ib) * wanted
    angle_a, angle_b, error = settle(a.angle - ia * push, b.angle + ib * push, error)

    rotation_a, rotation_b = settle(sincos(angle_a), sincos(angle_b))
    arm_a, arm_b = rotation_a @ joint.anchor_a, rotation_b @ joint.anchor_b
    apart = b.center + arm_b - a.center - arm_a
    kxx, kxy, kyy = _point_mass(joint, arm_a, arm_b)
    apart, kxx, kxy, kyy, arm_a, arm_b = settle(apart, kxx, kxy, kyy, arm_a, arm_b)
    scale = 1 / (kxx * kyy - kxy * kxy)
    p = settle(-scale * Vec(kyy * apart.x - kxy * apart.y, kxx * apart.y - kxy * apart.x))
    ma, mb = INVERSE_MASS[joint.a], INVERSE_MASS[joint.b]
    moved = list(poses)
    moved[joint.a] = Pose(a.center - ma * p, angle_a - ia * cross(arm_a, p))
    moved[joint.b] = Pose(b.center + mb * p, angle_b + ib * cross(arm_b, p))
    met = (jnp.sqrt(dot(apart, apart)) <= shapes.SLOP) & (error <= shapes.ANGULAR_SLOP)
    return settle(tuple(moved), met)


def replace(velocities: Velocities, body: int, linear: Vec, angular: Lanes) -> Velocities:
    """Return the velocities with those of one body replaced."""
    changed = list(velocities)
    changed[body] = Velocity(linear, angular)
    return tuple(changed)


def _apply(joint: Joint, velocities: Velocities, constraint: JointConstraint, push: Vec, twist: Lanes) -> Velocities:
    """Apply an impulse [N s] and an angular impulse [N m s] of body a on body b."""
    a, b = velocities[joint.a], velocities[joint.b]
    ma, mb, ia, ib = *(INVERSE_MASS[i] for i in joint[:2]), *(INVERSE_INERTIA[i] for i in joint[:2])
    velocities = replace(
        velocities, joint.a, a.linear - ma * push, a.angular - ia * (cross(constraint.arm_a, push) + twist)
    )
    return replace(velocities, joint.b, b.linear + mb * push, b.angular + ib * (cross(constraint.arm_b, push) + twist))


def _point_mass(joint: Joint, arm_a: Vec, arm_b: Vec) -> tuple[Lanes, Lanes, Lanes]:
    """Return xx, xy, yy of the effective mass that holds the point [1/kg]."""
    m = INVERSE_MASS[joint.a] + INVERSE_MASS[joint.b]
    ia, ib = INVERSE_INERTIA[joint.a], INVERSE_INERTIA[joint.b]
    return (
        m + arm_a.y * arm_a.y * ia + arm_b.y * arm_b.y * ib,
        -arm_a.y * arm_a.x * ia - arm_b.y * arm_b.x * ib,
        m + arm_a.x * arm_a.x * ia + arm_b.x * arm_b.x * ib,
    )


def _times(symmetric: tuple[Lanes, Lanes, Lanes], v: Vec) -> Vec:
    """Return a symmetric 2 x 2 matrix (xx, xy, yy) times a vector."""
    xx, xy, yy = symmetric
    return Vec(xx * v.x + xy * v.y, xy * v.x + yy * v.y)
