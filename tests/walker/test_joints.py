"""What a joint must keep and reach, whatever the numbers."""

import jax.numpy as jnp
import numpy as np

from dsjax.walker import joints
from dsjax.walker.geometry import Pose, Vec, Velocity, broadcasting, cross, sincos, turn
from dsjax.walker.joints import AT_UPPER, INACTIVE, JOINTS, JointImpulse
from dsjax.walker.shapes import INVERSE_INERTIA, INVERSE_MASS

RNG = np.random.default_rng(0)
N = 20


def draw(scale=1.0):
    return jnp.asarray(RNG.normal(0, scale, N), jnp.float32)


POSES = tuple(Pose(Vec(draw(), draw()), draw(0.1)) for _ in range(5))
VELOCITIES = tuple(Velocity(Vec(draw(), draw()), draw()) for _ in range(5))
NOTHING = JointImpulse(Vec(jnp.zeros(N), jnp.zeros(N)), jnp.zeros(N), jnp.zeros(N))
NO_MOTOR = jnp.zeros(N), jnp.zeros(N)


def momentum(joint, constraint, velocities):
    """Return the momentum of both bodies, and their angular momentum about the joint, were its arms to meet there."""
    linear, angular = Vec(0.0, 0.0), 0.0
    for body, arm in ((joint.a, constraint.arm_a), (joint.b, constraint.arm_b)):
        own = (1 / INVERSE_MASS[body]) * velocities[body].linear
        linear = linear + own
        angular = angular + velocities[body].angular / INVERSE_INERTIA[body] - cross(arm, own)
    return linear, angular


def test_a_joint_keeps_momentum_and_its_point_together():
    for joint in JOINTS:
        # Angles within the limits: the limit is inactive, and only the point acts.
        inside = jnp.full(N, (joint.lower + joint.upper) / 2 + joint.reference)
        poses = tuple(Pose(p.center, inside if b == joint.b else 0 * inside)
                      for b, p in enumerate(POSES))  # fmt: skip
        prepared = broadcasting(joints.prepare)(joint, poses, NOTHING, jnp.zeros(N, jnp.int32), NO_MOTOR)
        constraint, impulse, limit = prepared
        assert (limit == INACTIVE).all()
        after, impulse = broadcasting(joints.solve)(joint, VELOCITIES, constraint, impulse)
        a, b = after[joint.a], after[joint.b]
        apart = b.linear + turn(b.angular, constraint.arm_b) - a.linear - turn(a.angular, constraint.arm_a)
        np.testing.assert_allclose((apart.x, apart.y), np.zeros((2, N)), atol=1e-5)
        (linear, angular), (linear_before, angular_before) = (
            momentum(joint, constraint, v) for v in (after, VELOCITIES)
        )
        np.testing.assert_allclose((linear.x, linear.y), (linear_before.x, linear_before.y), atol=1e-4)
        np.testing.assert_allclose(angular, angular_before, atol=1e-4)
        assert (impulse.limit == 0).all()


def test_a_motor_drives_with_no_more_than_its_torque():
    joint = JOINTS[1]
    motor = joints.motors([jnp.full(N, value, jnp.float32) for value in (0.0, 0.5, 0.0, -2.0)])
    np.testing.assert_allclose(motor[1], [[6.0] * N, [0.02 * 80 * 0.5] * N], rtol=1e-6)
    np.testing.assert_allclose(motor[3], [[-6.0] * N, [0.02 * 80] * N], rtol=1e-6)
    assert (motor[0][0] == 0).all()
    constraint, impulse, _ = broadcasting(joints.prepare)(joint, POSES, NOTHING, jnp.zeros(N, jnp.int32), motor[1])
    for _ in range(10):
        _, impulse = broadcasting(joints.solve)(joint, VELOCITIES, constraint, impulse)
    assert (jnp.abs(impulse.motor) <= motor[1][1]).all()


def test_a_limit_only_pushes_back():
    joint = JOINTS[0]
    beyond = jnp.full(N, joint.upper + joint.reference + 0.1)
    poses = tuple(Pose(p.center, beyond if b == joint.b else 0 * beyond) for b, p in enumerate(POSES))
    constraint, impulse, limit = broadcasting(joints.prepare)(joint, poses, NOTHING, jnp.zeros(N, jnp.int32), NO_MOTOR)
    assert (limit == AT_UPPER).all()
    after, impulse = broadcasting(joints.solve)(joint, VELOCITIES, constraint, impulse)
    assert (impulse.limit <= 0).all()
    opening = after[joint.b].angular - after[joint.a].angular
    assert (opening[impulse.limit < 0] < 1e-4).all() and (impulse.limit < 0).any()
    # Bodies whose anchors meet, so that the limit alone has anything to correct.
    a = poses[joint.a]
    center = a.center + (sincos(a.angle) @ joint.anchor_a) - (sincos(beyond) @ joint.anchor_b)
    poses = tuple(Pose(center, beyond) if b == joint.b else pose for b, pose in enumerate(poses))
    pushed, met = broadcasting(joints.solve_position)(joint, poses, limit)
    assert (pushed[joint.b].angle - pushed[joint.a].angle < beyond).all()
    assert not met.any()
