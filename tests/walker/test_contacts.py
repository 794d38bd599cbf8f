"""A leg that falls on level ground: what the contact solver must reach."""

import jax.numpy as jnp
import numpy as np
import pytest

from dsjax.walker import contacts
from dsjax.walker.contacts import Contact, Impulses, leg_mass
from dsjax.walker.geometry import CENTERED, Pose, Vec, Velocity, broadcasting, frame
from dsjax.walker.manifold import collide
from dsjax.walker.pieces import Edge
from dsjax.walker.shapes import FRICTION, HALF_HEIGHT, HALF_WIDTH, leg_polygon

ANGLES = np.array([0.0, 0.3, -0.6, 0.001], np.float32)
N = len(ANGLES)
ZERO = jnp.zeros(N)


@pytest.fixture(scope="module")
def landing():
    """Return contact, pose, mass and constraint of four legs 5 mm in the ground."""
    low = np.abs(np.sin(ANGLES)) * HALF_WIDTH[0] + np.abs(np.cos(ANGLES)) * HALF_HEIGHT
    pose = Pose(Vec(ZERO, jnp.asarray(low - 0.005)), jnp.asarray(ANGLES))
    edge = Edge(Vec(ZERO - 5, ZERO), Vec(ZERO + 5, ZERO))
    manifold = broadcasting(collide)(edge, frame(pose, CENTERED), leg_polygon(jnp.zeros(N, jnp.int32)))
    np.testing.assert_array_equal(manifold.count, [2, 1, 1, 2])
    contact, mass = Contact(jnp.ones(N, bool), jnp.zeros(N, jnp.int32), manifold), leg_mass(jnp.zeros(N, jnp.int32))
    return contact, pose, mass, broadcasting(contacts.prepare)(contact, pose, mass)


def test_a_leg_stops_and_slides_within_friction(landing):
    _, _, mass, constraint = landing
    velocity = Velocity(Vec(jnp.asarray([0.1, 2.0, -1.0, 5.0]), ZERO - 3), ZERO)
    impulses = Impulses((ZERO, ZERO), (ZERO, ZERO))
    for _ in range(60):
        velocity, impulses = broadcasting(contacts.solve)(velocity, mass, constraint, impulses)
    for arm, normal, along in zip(constraint.normal_arm, impulses.normal, impulses.tangent, strict=True):
        # The ground pushes and never pulls; friction stays in its cone.
        assert (normal >= 0).all()
        assert (jnp.abs(along) <= FRICTION * normal + 1e-6).all()
        leaving = velocity.linear.y + arm * velocity.angular
        assert (leaving[jnp.asarray(normal > 0)] > -1e-4).all()
        np.testing.assert_allclose(np.asarray(normal * leaving), 0, atol=1e-4)  # one or the other is 0


def test_positions_are_pushed_out(landing):
    contact, pose, mass, _ = landing
    deepest = []
    for _ in range(30):
        pose, separation = broadcasting(contacts.solve_position)(contact, pose, mass, 0.2)
        deepest.append(np.asarray(separation))
    assert (deepest[0] < -0.02).all()
    assert (deepest[-1] > -0.0055).all()


def test_no_contact_does_nothing(landing):
    contact, pose, mass, _ = landing
    nothing = contact._replace(active=jnp.zeros(N, bool), leg=jnp.full(N, contacts.NO_LEG))
    constraint = broadcasting(contacts.prepare)(nothing, pose, mass)
    velocity = Velocity(Vec(ZERO + 1, ZERO - 3), ZERO + 2)
    impulses = Impulses((ZERO, ZERO), (ZERO, ZERO))
    after, _ = broadcasting(contacts.solve)(velocity, mass, constraint, impulses)
    np.testing.assert_array_equal(after.linear.y, velocity.linear.y)
    pushed, separation = broadcasting(contacts.solve_position)(nothing, pose, mass, 0.2)
    np.testing.assert_array_equal(pushed.center.y, pose.center.y)
    assert (separation == 0).all()
