"""Compute only where there is something to compute.

Most lanes of a batch need nothing of a rare thing, as an impact, and all would wait for those few that do. So collect
these, compute them side by side, and put the results back.
"""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

from dsjax.walker.geometry import Lanes, settle

# Lanes of a pass, even if there are not as many: with fewer it costs as much, and compilers round it otherwise, as they
# turn loops no longer than a vector into other code.
_MIN_WIDTH = 16


def width_of(lanes: int, share: float) -> int:
    """Return how many lanes to compute in one pass, given that a share of all is usually active."""
    return max(_MIN_WIDTH, min(lanes, 8 * round(lanes * share / 8)))


def on_active(
    function: Callable[..., Any],
    active: Lanes,
    arguments: Any,
    width: int,
    elsewhere: Any = None,
    order: Lanes | None = None,
) -> Any:
    """Return function(*arguments) in the lanes that are active, and something else elsewhere.

    Args:
      function: elementwise over the lanes of its arguments.
      active: (n,) bool.
      arguments: tuple of trees with leaves (..., n).
      width: lanes computed in one pass; there are as many passes as it takes.
      elsewhere: tree of the function's result, what to return in the other lanes; zeros if None.
      order: (n,) int, all lanes in the order in which to compute them, so that alike ones share a pass; by number if
        None.

    Returns:
      Tree with leaves (..., n).
    """
    count = active.shape[0]
    if elsewhere is None:
        taken = jax.eval_shape(lambda: jax.tree.map(lambda leaf: leaf[..., :width], arguments))
        shapes = jax.eval_shape(lambda given: function(*given), taken)
        elsewhere = jax.tree.map(lambda leaf: jnp.zeros((*leaf.shape[:-1], count), leaf.dtype), shapes)
    # However few lanes there are, it is a loop: XLA would fuse, and so round, straight code otherwise.
    index, total = _indices(active, width, order)

    def one_pass(carry: Any) -> Any:
        number, out = carry
        lanes = jax.lax.dynamic_slice(index, (number * width,), (width,))  # count where there is none
        result = function(*settle(take(arguments, lanes)))
        return number + 1, put(out, lanes, settle(result))

    return jax.lax.while_loop(lambda carry: carry[0] * width < total, one_pass, (0, elsewhere))[1]


def on_active_pairs(function: Callable[[Lanes], Any], active: Lanes, share: float, elsewhere: Any = None) -> Any:
    """Return function(number) of every active pair of a thing and a lane, and something else elsewhere.

    Args:
      function: of the pairs' numbers, (width,) int: pair (i, lane) has number i lanes + lane.
      active: (things..., lanes) bool.
      share: of all pairs that is usually active.
      elsewhere: tree of the function's result with leaves of the shape of `active`; zeros if None.

    Returns:
      Tree with leaves of the shape of `active`.
    """
    pairs = active.reshape(-1)
    flat = jax.tree.map(lambda leaf: leaf.reshape(-1), elsewhere)
    found = on_active(function, pairs, (jnp.arange(len(pairs)),), width_of(len(pairs), share), flat)
    return jax.tree.map(lambda leaf: leaf.reshape(active.shape), found)


def take(tree: Any, lanes: Lanes) -> Any:
    """Return some lanes of every leaf; the last one for numbers that are out of range."""
    return jax.tree.map(lambda leaf: jnp.take(leaf, lanes, axis=-1, mode="clip"), tree)


def put(tree: Any, lanes: Lanes, values: Any) -> Any:
    """Return a tree with some lanes of every leaf replaced; numbers that are out of range replace nothing."""
    return jax.tree.map(lambda leaf, value: leaf.at[..., lanes].set(value, mode="drop"), tree, values)


def _indices(active: Lanes, width: int, order: Lanes | None = None) -> tuple[Lanes, Lanes]:
    """Return the numbers of the active lanes, (n + width,) int filled up with n, and how many there are."""
    count = active.shape[0]
    numbers = jnp.arange(count, dtype=jnp.int32) if order is None else order
    on = active if order is None else active[order]
    rank = jnp.cumsum(on.astype(jnp.int32))
    index = jnp.full(count + width, count, jnp.int32)
    index = index.at[jnp.where(on, rank - 1, count + width)].set(numbers, mode="drop")
    return index, rank[-1]
