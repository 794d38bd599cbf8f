"""dsjax: populations of dynamic-synapse controllers that learn to walk, in pure JAX.

The library is the modules that this package names: states as NamedTuples of arrays, behaviour as pure functions to jit
and vmap. It needs jax and optax alone. The sub-packages train, and do what follows: see `dsjax --help`.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dsjax import controller, layer, learning, neuron, observation, oscillator, population, presets, synapse, timing

__version__ = "0.2.0"

__all__ = [
    "__version__", "controller", "layer", "learning", "neuron", "observation", "oscillator", "population", "presets",
    "synapse", "timing",
]  # fmt: skip


def __getattr__(name: str) -> Any:
    # On first use, not on import: env workers import this package and must not pay for jax.
    if name in __all__:
        return import_module(f"dsjax.{name}")
    raise AttributeError(f"module 'dsjax' has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__
