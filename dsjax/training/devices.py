"""The member axis over devices: which hold how many members of a population, and how arrays get there and back.

Every device steps its own members in its own program, with no word between them. As a member's bits do not depend on
who else is there, they do not depend on the number of devices either.
"""

from collections.abc import Callable, Sequence
from functools import lru_cache, wraps
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import Mesh, NamedSharding
from jax.sharding import PartitionSpec as P

from dsjax.population import PopulationState

AXIS = "members"
MEMBERS = P(AXIS)  # of an array with members first
# Of a population: all leaves have members first but for the tick, which every device counts.
POPULATION: Any = PopulationState(MEMBERS, P(), MEMBERS, MEMBERS)  # type: ignore[arg-type]
# Timings must not choose how a GPU computes: a resumed run would round otherwise.
_REPEATABLE = {"xla_gpu_autotune_level": 0}


@lru_cache
def mesh(members: int) -> Mesh:
    """Return the devices of a population: as many as share its members evenly.

    These are the first ones of the default platform, with two members each at least: XLA compiles a lone one to other
    code, which rounds differently. 96 members take 4 of 4 devices; 97, a prime, take one: choose a multiple.
    """
    there = jax.devices()
    count = max(n for n in range(1, min(len(there), members // 2) + 1) if members % n == 0) if members > 1 else 1
    return Mesh(np.array(there[:count]), (AXIS,))


def over_members(
    function: Callable[..., Any], on: Mesh, inputs: Sequence[Any], outputs: Any, donate: Sequence[int] = ()
) -> Callable[..., Any]:
    """Return a function jitted so that each device of a mesh calls it with its own members.

    Args:
      function: of arrays; it computes nothing across members.
      on: the devices.
      inputs: a PartitionSpec, or a tree of them, for each argument.
      outputs: the same of the result.
      donate: places of arguments that the call consumes.
    """

    @wraps(function)
    def strong(*arguments: Any) -> Any:
        # A GPU would round the factors of products to 11 bits.
        with jax.default_matmul_precision("highest"):
            returned = function(*arguments)
        return jax.tree.map(lambda leaf: jnp.asarray(leaf, leaf.dtype), returned)

    shared = jax.shard_map(strong, mesh=on, in_specs=tuple(inputs), out_specs=outputs, check_vma=False)
    # What a program returns is what it is called with next. Weak types, or shardings that are named otherwise, would
    # make it another program, which compiles again.
    return jax.jit(
        shared,
        out_shardings=_shardings(on, outputs),
        donate_argnums=tuple(donate),
        compiler_options=_REPEATABLE,
    )


def place(tree: Any, on: Mesh, specs: Any) -> Any:
    """Return arrays spread over the devices of a mesh.

    Args:
      tree: of arrays.
      on: the devices.
      specs: a PartitionSpec for all leaves, or a tree of them whose leaves hold for all below.
    """
    return jax.device_put(tree, _shardings(on, specs))


def members_first(walkers: Any) -> Any:
    """Return walkers' arrays, which have members last, with members first, as those of a population."""
    return jax.tree.map(lambda leaf: jnp.moveaxis(leaf, -1, 0), walkers)


def members_last(walkers: Any) -> Any:
    """Return what `members_first` was given."""
    return jax.tree.map(lambda leaf: jnp.moveaxis(leaf, 0, -1), walkers)


def gather(tree: Any) -> Any:
    """Return arrays whole on the default device."""
    return jax.device_put(tree, jax.devices()[0])


def host_device() -> Any:
    """Return the processor as a device; the default one where JAX_PLATFORMS leaves the processor out."""
    try:
        return jax.devices("cpu")[0]
    except RuntimeError:
        return jax.devices()[0]


def _shardings(on: Mesh, specs: Any) -> Any:
    return jax.tree.map(lambda spec: NamedSharding(on, spec), specs)
