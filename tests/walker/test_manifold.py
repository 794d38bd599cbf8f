"""A leg's box above a piece of level ground: where it touches, by hand."""

import jax.numpy as jnp
import numpy as np
import pytest

from dsjax.walker.geometry import CENTERED, Pose, Vec, broadcasting, frame
from dsjax.walker.manifold import TOTAL_RADIUS, carried, collide
from dsjax.walker.pieces import Edge
from dsjax.walker.shapes import HALF_HEIGHT, HALF_WIDTH, leg_polygon

LANE = np.zeros(1, np.float32)


def leg_on_ground(gap, angle=0.0, x=0.0, along=5.0):
    """Return the manifold of an upper leg whose lowest side or corner is `gap` [m] above level ground."""
    half = HALF_WIDTH[0]
    low = abs(np.sin(angle)) * half + abs(np.cos(angle)) * HALF_HEIGHT
    pose = Pose(Vec(LANE + x, LANE + low + gap), jnp.asarray(LANE + angle))
    edge = Edge(Vec(LANE - along, LANE), Vec(LANE + along, LANE))
    return broadcasting(collide)(edge, frame(pose, CENTERED), leg_polygon(jnp.zeros(1, jnp.int32)))


@pytest.mark.parametrize(("gap", "count"), [(0.5, 0), (TOTAL_RADIUS + 1e-4, 0), (TOTAL_RADIUS - 1e-4, 2), (-0.01, 2)])
def test_a_standing_leg_touches_with_both_corners(gap, count):
    assert leg_on_ground(gap).count == count


def test_a_tilted_leg_touches_with_one_corner():
    manifold = leg_on_ground(0.0, angle=0.5)
    assert manifold.count == 1
    assert not manifold.on_body
    np.testing.assert_allclose((manifold.normal.x, manifold.normal.y), ([0], [1]), atol=1e-6)
    corner = manifold.points[0]
    # Turned counter-clockwise, it is the lower left corner that is lowest.
    np.testing.assert_allclose((corner.x, corner.y), ([-HALF_WIDTH[0]], [-HALF_HEIGHT]), atol=1e-6)


def test_points_beyond_the_edge_are_cut_off():
    manifold = leg_on_ground(0.0, x=0.0, along=0.05)
    assert manifold.count == 2
    assert manifold.on_body | (manifold.count == 2)
    xs = sorted(float(point.x[0]) for point in manifold.points)
    np.testing.assert_allclose(xs, [-0.05, 0.05], atol=1e-6)


def test_impulses_follow_the_points_ids():
    manifold = leg_on_ground(0.0)
    impulses = tuple(LANE + value for value in (1.0, 2.0, 3.0, 4.0))
    kept = carried(jnp.asarray([2]), manifold.ids, impulses, manifold)
    np.testing.assert_array_equal(kept, [[1], [2], [3], [4]])
    exchanged = carried(jnp.asarray([2]), manifold.ids[::-1], impulses, manifold)
    np.testing.assert_array_equal(exchanged, [[2], [1], [4], [3]])
    forgotten = carried(jnp.asarray([0]), manifold.ids, impulses, manifold)
    np.testing.assert_array_equal(forgotten, np.zeros((4, 1)))
