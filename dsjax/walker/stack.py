"""Several contacts of each lane, solved one after the other.

A stack is either a list, over which loops are unrolled: a kernel keeps it in registers, and XLA compiles one program
for its length. Or it is one tree with a leading axis, over which a loop runs as far as any lane needs: one small
program for every number of contacts.
"""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp


def each(stack: Any, most: Any, body: Callable[[Any, Any], Any], carry: Any) -> Any:
    """Return carry = body(m, carry) after every contact m of a list, or after the first `most` of an axis."""
    if not isinstance(stack, list):
        return jax.lax.fori_loop(0, most, body, carry)
    for m in range(len(stack)):
        carry = body(m, carry)
    return carry


def length(stack: Any) -> int:
    """Return how many contacts a stack holds."""
    return len(stack) if isinstance(stack, list) else jax.tree.leaves(stack)[0].shape[0]


def of_all(function: Callable[[Any], Any], stack: Any) -> Any:
    """Return a stack of function(contact), an elementwise function: for an axis one call does."""
    return [function(contact) for contact in stack] if isinstance(stack, list) else function(stack)


def at(stack: Any, m: Any) -> Any:
    """Return what belongs to contact m."""
    if isinstance(stack, list):
        return stack[m]
    return jax.tree.map(
        lambda leaf: jax.lax.dynamic_index_in_dim(leaf, m, 0, keepdims=False, allow_negative_indices=False), stack
    )


def listed(stack: Any) -> list:
    """Return a stack as a list."""
    return [at(stack, m) for m in range(length(stack))]


def joined(contacts: list, count: int) -> Any:
    """Return a list of contacts along an axis, filled up with zeros to `count`."""
    spare = count - len(contacts)
    return jax.tree.map(lambda *leaves: jnp.pad(jnp.stack(leaves), ((0, spare), (0, 0))), *contacts)
