"""Is a system chaotic? Its largest Lyapunov exponent: the rate at which two neighboring states part.

Two trajectories run side by side. After every block of steps the second one is put back to its first distance from the
first, in the direction in which it had come to lie, and how far it had gone is kept: the method of Benettin, Galgani &
Strelcyn (Physical Review A 1976). It needs no derivative, which the receptors' square root has not at rest.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from dsjax.shapes import Array, Float, Key, Scalar

__all__ = ["Exponent", "largest_exponent"]

_BATCHES = 10  # of blocks, whose means say how sure the exponent is


class Exponent(NamedTuple):
    """The largest Lyapunov exponent."""

    value: Float[Array, ""]  # per unit of the step's time
    error: Float[Array, ""]  # standard error of the mean over ten successive parts of the trajectory


def largest_exponent(
    step: Callable[[Any], Any], state: Any, scale: Any, key: Key[Array, ""], blocks: int, block_steps: int, dt: Scalar,
    distance: float = 1e-7,
) -> Exponent:  # fmt: skip
    """Estimate the largest Lyapunov exponent of a map, or of a flow that it steps.

    In single precision a distance of 1e-7 is lost in rounding: compute in double (`jax_enable_x64`).

    Args:
      step: from a state to the next one; traceable.
      state: any pytree of floating arrays, on the attractor: let it run before.
      scale: like the state, or prefixes of it: what counts as a distance of 1 in each leaf.
      key: PRNG key, of the direction in which the two states lie apart at first.
      blocks: number of blocks that count, at least 10; a tenth as many go before them, in which the direction settles.
      block_steps: steps of a block. Static, like the numbers of blocks.
      dt: () time of a step.
      distance: of the two states, in units of the scale.

    Returns:
      Exponent.

    Raises:
      ValueError: there are fewer than ten blocks.
    """
    if blocks < _BATCHES:
        raise ValueError(f"blocks = {blocks}: {_BATCHES} at least, whose means say how sure the exponent is")
    keys = iter(jax.random.split(key, len(jax.tree.leaves(state))))
    sizes = jax.tree.map(lambda size, part: jax.tree.map(lambda leaf: jnp.full_like(leaf, size), part), scale, state)
    apart = jax.tree.map(lambda leaf: jax.random.normal(next(keys), leaf.shape, leaf.dtype), state)
    apart = _scaled(apart, distance / _length(apart))
    other = jax.tree.map(lambda leaf, way, size: leaf + way * size, state, apart, sizes)

    def block(pair: tuple[Any, Any], _: None) -> tuple[tuple[Any, Any], Array]:
        first, second = jax.lax.fori_loop(0, block_steps, lambda _, both: (step(both[0]), step(both[1])), pair)
        apart = jax.tree.map(lambda here, there, size: (there - here) / size, first, second, sizes)
        length = _length(apart)
        apart = _scaled(apart, distance / length)
        second = jax.tree.map(lambda leaf, way, size: leaf + way * size, first, apart, sizes)
        return (first, second), jnp.log(length / distance)

    pair, _ = jax.lax.scan(block, (state, other), length=max(blocks // 10, 1))
    _, growth = jax.lax.scan(block, pair, length=blocks)
    rates = growth / (block_steps * dt)
    means = rates[: blocks // _BATCHES * _BATCHES].reshape(_BATCHES, -1).mean(axis=1)
    return Exponent(rates.mean(), means.std(ddof=1) / jnp.sqrt(_BATCHES))


def _length(apart: Any) -> Array:
    return jnp.sqrt(sum(jnp.sum(leaf**2) for leaf in jax.tree.leaves(apart)))


def _scaled(apart: Any, factor: Scalar) -> Any:
    return jax.tree.map(lambda leaf: leaf * factor, apart)
