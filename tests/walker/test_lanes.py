import jax
import jax.numpy as jnp
import numpy as np
import pytest

from dsjax.walker.lanes import on_active, on_active_pairs, width_of

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
    given = squares, jnp.asarray(active), (jnp.asarray(x),), width
    run = jax.jit(on_active, static_argnums=(0, 3))
    result, kept = run(*given, None, order), run(*given, {"square": x, "both": jnp.stack([x, x])}, order)
    np.testing.assert_array_equal(result["square"], np.where(active, x * x, 0))
    np.testing.assert_array_equal(result["both"], np.where(active, [x, -x], 0))
    np.testing.assert_array_equal(kept["square"], np.where(active, x * x, x))
    np.testing.assert_array_equal(kept["both"], np.where(active, [x, -x], [x, x]))


def test_alike_lanes_share_a_pass():
    """A pass waits for its slowest lane: in order of their counts, few passes are long."""
    counts = jnp.asarray(np.random.default_rng(0).permutation(N))

    def longest(count):
        return jnp.broadcast_to(count.max(), count.shape)

    everyone = jnp.ones(N, bool)
    mixed, sorted_ = (
        on_active(longest, everyone, (counts,), 10, order=order).mean() for order in (None, jnp.argsort(counts))
    )
    assert sorted_ < 0.7 * mixed


def test_active_pairs_are_computed_by_number():
    active = np.random.default_rng(0).random((3, N)) < 0.2
    found = on_active_pairs(lambda pair: pair + 1, jnp.asarray(active), 0.1)
    np.testing.assert_array_equal(found, np.where(active, np.arange(3 * N).reshape(3, N) + 1, 0))


@pytest.mark.parametrize(("lanes", "share", "width"), [(1, 0.1, 16), (10, 0.1, 16), (4096, 0.1, 408), (96, 1.0, 96)])
def test_the_width_of_a_pass(lanes, share, width):
    assert width_of(lanes, share) == width
