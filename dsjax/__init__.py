"""dsjax: populations of dynamic-synapse controllers that learn to walk, in pure JAX.

The library is the modules `oscillator`, `synapse`, `neuron`, `learning`, `observation`, `controller`, `population` and
`presets`: states as NamedTuples of arrays, behaviour as pure functions to jit and vmap. The other modules train.
"""

from importlib import import_module

__version__ = "0.1.0"

_MODULES = (
    "oscillator", "synapse", "neuron", "learning", "observation", "controller", "population", "presets",
)  # fmt: skip


def __getattr__(name):
    # On first use, not on import: env workers import this package and must not pay for jax.
    if name in _MODULES:
        return import_module(f"dsjax.{name}")
    raise AttributeError(f"module 'dsjax' has no attribute {name!r}")
