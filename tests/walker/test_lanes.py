import jax
import jax.numpy as jnp
import numpy as np
import pytest

from dsjax.walker.lanes import first_active, on_active, width_of

N = 100


def squares(x):
    return {"square": x * x, "both": jnp.stack([x, -x])}


@pytest.mark.parametrize("width", [1, 7, 16, 64, 100, 500])
@pytest.mark.parametrize("share", [0.0, 0.03, 0.5, 1.0])
@pytest.mark.parametrize("ordered", [False, True])
def test_active_lanes_are_computed_and_others_are_zero(width, share, ordered):
    rng = np.random.default_rng(0)
    active, x = rng.random(N) < share, rng.normal(size=N).astype(np.float32)
    order = jnp.asarray(rng.permutation(N)) if ordered else None
    result = jax.jit(on_active, static_argnums=(0, 3))(squares, jnp.asarray(active), (jnp.asarray(x),), width, order)
    np.testing.assert_array_equal(result["square"], np.where(active, x * x, 0))
    np.testing.assert_array_equal(result["both"], np.where(active, [x, -x], 0))


def test_alike_lanes_share_a_pass():
    """A pass waits for its slowest lane: in order of their counts, few passes are long."""
    counts = jnp.asarray(np.random.default_rng(0).permutation(N))

    def longest(count):
        return jnp.broadcast_to(count.max(), count.shape)

    everyone = jnp.ones(N, bool)
    mixed, sorted_ = (
        on_active(longest, everyone, (counts,), 10, order).mean() for order in (None, jnp.argsort(counts))
    )
    assert sorted_ < 0.7 * mixed


def test_the_first_active_lanes():
    active = jnp.zeros(N, bool).at[jnp.array([3, 50, 99])].set(True)
    np.testing.assert_array_equal(first_active(active, 5), [3, 50, 99, N, N])
    np.testing.assert_array_equal(first_active(active, 2), [3, 50])


@pytest.mark.parametrize(("lanes", "share", "width"), [(1, 0.1, 1), (10, 0.1, 10), (4096, 0.1, 408), (96, 1.0, 96)])
def test_the_width_of_a_pass(lanes, share, width):
    assert width_of(lanes, share) == width
