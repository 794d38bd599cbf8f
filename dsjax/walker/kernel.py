"""Run an elementwise function as one GPU kernel: each thread computes a walker, or a part of one, in registers.

A solver's loop over 180 iterations is thousands of launches for XLA, and one for a kernel. Pallas lowers the very same
functions through Triton; nothing is written twice.
"""

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax.experimental import pallas as pl

from dsjax.walker.geometry import fusing

_BLOCK = 32  # lanes of a program: one warp, so that lanes wait for few others


class Method(NamedTuple):
    """How the physics is computed: what it computes is the same but for rounding. Static, hashable."""

    kernels: bool  # solver and impacts as kernels, for GPUs
    block: int  # walkers that XLA solves together, so that a CPU's cache holds them
    interpret: bool = False  # run the kernels without a GPU, slowly, to test them

    def run(self, function: Callable[..., Any], *arguments: Any) -> Any:
        """Return function(*arguments), elementwise over arrays of one shape (n,)."""
        return elementwise(function, arguments, self.interpret) if self.kernels else function(*arguments)


CPU = Method(kernels=False, block=256)
XLA_GPU = Method(kernels=False, block=2**30)
GPU = Method(kernels=True, block=2**30)


def default() -> Method:
    """Return the method for the devices that JAX has found."""
    return GPU if jax.default_backend() == "gpu" else CPU


def elementwise(function: Callable[..., Any], arguments: Any, interpret: bool = False) -> Any:
    """Return function(*arguments), computed by one kernel.

    Args:
      function: of trees with leaves (n,), elementwise, of operations that Triton has: no gather, no sort.
      arguments: tuple of trees with leaves (n,) or () of float32, int32 or bool.
      interpret: run without a GPU.
    """
    leaves, tree = jax.tree.flatten(arguments)
    lanes = max(jnp.shape(leaf)[-1] for leaf in leaves if jnp.ndim(leaf))
    leaves = [jnp.broadcast_to(jnp.asarray(leaf), (lanes,)) for leaf in leaves]
    shapes = jax.eval_shape(lambda *given: function(*jax.tree.unflatten(tree, given)), *leaves)
    outputs, out_tree = jax.tree.flatten(shapes)
    types = [leaf.dtype for leaf in leaves]
    padding = -lanes % _BLOCK
    rows = jnp.stack([jnp.pad(leaf.astype(jnp.float32), (0, padding), mode="edge") for leaf in leaves])

    def body(given: Any, made: Any) -> None:
        with fusing():
            row = [_typed(given[i, :], kind) for i, kind in enumerate(types)]
            for i, result in enumerate(jax.tree.leaves(function(*jax.tree.unflatten(tree, row)))):
                made[i, :] = jnp.broadcast_to(result, (_BLOCK,)).astype(jnp.float32)

    block = partial(pl.BlockSpec, index_map=lambda i: (0, i))
    result = pl.pallas_call(
        body,
        out_shape=jax.ShapeDtypeStruct((len(outputs), lanes + padding), jnp.float32),
        grid=((lanes + padding) // _BLOCK,),
        in_specs=[block((len(leaves), _BLOCK))],
        out_specs=block((len(outputs), _BLOCK)),
        interpret=interpret,
        **({} if interpret else {"compiler_params": _triton()}),
    )(rows)
    made = [_typed(result[i, :lanes], leaf.dtype) for i, leaf in enumerate(outputs)]
    return jax.tree.unflatten(out_tree, made)


def _triton() -> Any:
    from jax.experimental.pallas import triton

    return triton.CompilerParams(num_warps=1)


def _typed(row: jax.Array, kind: Any) -> jax.Array:
    """Return a row of floats as what it was; integers here are far below 2**24, which float32 holds exactly."""
    return row > 0.5 if kind == jnp.bool_ else row.astype(kind)
