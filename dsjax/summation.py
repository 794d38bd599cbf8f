"""Sums of many small amounts, each below float32's resolution next to the sum: a plain sum would never change.

Source: Kahan, Further remarks on reducing truncation errors, Communications of the ACM 1965.
"""

from typing import NamedTuple

import jax.numpy as jnp
from jax.typing import DTypeLike

from dsjax.shapes import Array, Float, Scalar

__all__ = ["Sum", "add", "zero"]


class Sum(NamedTuple):
    """A sum so far."""

    total: Float[Array, ""]
    error: Float[Array, ""]  # by which the total is too high, as it was rounded


def zero(dtype: DTypeLike | None = None) -> Sum:
    """Return the Sum of nothing."""
    dtype = dtype or jnp.result_type(float)
    return Sum(jnp.zeros((), dtype), jnp.zeros((), dtype))


def add(sum: Sum, amount: Scalar) -> Sum:
    """Return the Sum with an amount, (), added."""
    increment = amount - sum.error
    total = sum.total + increment
    return Sum(total, (total - sum.total) - increment)
