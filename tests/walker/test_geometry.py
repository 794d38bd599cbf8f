import jax.numpy as jnp
import numpy as np

from dsjax.walker.geometry import Pose, Vec, cross, dot, frame, sincos, turn


def test_sincos_is_as_precise_as_float32():
    angle = np.linspace(-40, 40, 20_001, dtype=np.float32)
    rotation = sincos(jnp.asarray(angle))
    np.testing.assert_allclose(rotation.sin, np.sin(angle.astype(np.float64)), atol=2e-7)
    np.testing.assert_allclose(rotation.cos, np.cos(angle.astype(np.float64)), atol=2e-7)


def test_rotations_keep_lengths_and_undo():
    v = Vec(jnp.array([1.0, -2.0]), jnp.array([0.5, 3.0]))
    rotation = sincos(jnp.array([0.7, -2.0]))
    turned = rotation @ v
    np.testing.assert_allclose(dot(turned, turned), dot(v, v), rtol=1e-6)
    back = rotation.back(turned)
    np.testing.assert_allclose((back.x, back.y), (v.x, v.y), rtol=1e-6)


def test_a_frame_turns_about_the_center_of_mass():
    center = Vec(jnp.array([2.0]), jnp.array([3.0]))
    for angle in (0.0, 1.0, -2.5):
        body = frame(Pose(center, jnp.array([angle])), Vec(0.3, -0.1))
        world = body @ Vec(0.3, -0.1)
        np.testing.assert_allclose((world.x, world.y), (center.x, center.y), rtol=1e-6)
        local = body.local(world)
        np.testing.assert_allclose((local.x, local.y), ([0.3], [-0.1]), atol=1e-6)


def test_a_turning_arm_moves_across_itself():
    arm = Vec(jnp.array([2.0]), jnp.array([1.0]))
    speed = turn(jnp.array([3.0]), arm)
    assert dot(speed, arm) == 0
    assert cross(arm, speed) == 3 * dot(arm, arm)
