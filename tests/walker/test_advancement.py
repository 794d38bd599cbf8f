"""Times of impact that follow by hand: a leg that falls on level ground."""

import jax
import jax.numpy as jnp
import numpy as np
from falling_legs import FALLS, GAPS, falls

from dsjax.walker.advancement import TARGET, TOLERANCE, may_touch, time_of_impact
from dsjax.walker.geometry import CENTERED, broadcasting, frame


@jax.jit
@broadcasting
def impacts():
    edge, polygon, sweep = falls()
    ends = (frame(pose, CENTERED) for pose in (sweep.start, sweep.end))
    return *time_of_impact(edge, polygon, sweep, jnp.ones(5, bool)), may_touch(edge, polygon, sweep, *ends)


def test_a_falling_leg_stops_at_the_target_distance():
    hit, time, near = impacts()
    np.testing.assert_array_equal(hit, [True, False, True, True, True])
    expected = (GAPS - TARGET) / FALLS
    fast = np.array([0, 2, 4])
    np.testing.assert_allclose(np.asarray(time)[fast], expected[fast], atol=float(TOLERANCE / FALLS.min()))
    assert time[3] == 0  # close already
    np.testing.assert_array_equal(near, [True, False, True, True, True])
