"""Trees of many small arrays as a few larger ones.

A call of a compiled program takes time for every array that it is given and gives back. A population has some fifty,
which for eight members take longer to hand over than to compute with.
"""

import math
from dataclasses import dataclass
from functools import lru_cache, partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np


@dataclass(frozen=True)
class Layout:
    """Which tree was packed."""

    structure: Any  # its PyTreeDef
    leaves: tuple[tuple[tuple[int, ...], Any], ...]  # shape and dtype of each leaf

    def groups(self) -> list[list[int]]:
        """Return the numbers of leaves that lie side by side: those of one dtype, and of one number of members."""
        groups: dict[Any, list[int]] = {}
        for number, (shape, dtype) in enumerate(self.leaves):
            groups.setdefault((shape[:1], dtype), []).append(number)
        return list(groups.values())


@partial(jax.tree_util.register_dataclass, data_fields=["arrays"], meta_fields=["layout"])
@dataclass(frozen=True)
class Packed:
    """A tree with leaves (N, ...) and (): a pytree of its own, of one array (N, K) or (K,) per dtype."""

    arrays: tuple[jax.Array, ...]
    layout: Layout


@jax.jit
def pack(tree: Any) -> Packed:
    """Return a tree as few arrays. A leaf that is alone of its dtype may be handed on as it is, not copied."""
    leaves, structure = jax.tree.flatten(tree)
    layout = _layout(structure, tuple((leaf.shape, leaf.dtype) for leaf in leaves))
    rows = [leaf.reshape(*leaf.shape[:1], -1) for leaf in leaves]
    arrays = [jnp.concatenate([rows[number] for number in group], axis=-1) for group in layout.groups()]
    return Packed(tuple(arrays), layout)


@jax.jit
def unpack(packed: Packed) -> Any:
    """Return the tree that was packed."""
    leaves: dict[int, jax.Array] = {}
    for array, group in zip(packed.arrays, packed.layout.groups(), strict=True):
        shapes = [packed.layout.leaves[number][0] for number in group]
        ends = np.cumsum([math.prod(shape[1:]) for shape in shapes])
        parts = jnp.split(array, ends[:-1].tolist(), axis=-1)
        leaves |= {number: part.reshape(shape) for number, part, shape in zip(group, parts, shapes, strict=True)}
    return jax.tree.unflatten(packed.layout.structure, [leaves[number] for number in range(len(leaves))])


@lru_cache(maxsize=64)
def _layout(structure: Any, leaves: tuple) -> Layout:
    """Return the layout, the same object for equal trees: JAX compares it at every call."""
    return Layout(structure, leaves)
