"""States of populations: untrained, of a snapshot, or of a controller's file."""

from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from dsjax import controller, population, synapse
from dsjax.config.schema import Config
from dsjax.errors import RunError
from dsjax.population import PopulationState
from dsjax.storage import pretrained
from dsjax.storage.snapshots import Snapshots, unflatten

_init = jax.jit(population.init, static_argnames="spec")


def untrained(config: Config, restarts: np.ndarray | int = 0) -> PopulationState:
    """Return the population of a run whose members begin with nothing learned.

    Args:
      config: of the run.
      restarts: (N,) int, how often each member has started over: it is drawn otherwise every time.
    """
    key, members = population.run_key(config.seed), jnp.array(config.identities())
    return _init(key, members, config.spec(), config.population_params(), restarts)


def restored(config: Config, arrays: dict[str, np.ndarray]) -> PopulationState:
    """Return the population of a snapshot's flat arrays."""
    return unflatten(arrays, jax.eval_shape(lambda: untrained(config)))


def from_file(name: str) -> tuple[Config, PopulationState, dict[str, Any]]:
    """Return the config of a controller in a file of its own, its population of one member, and its origin.

    Args:
      name: of one that ships with dsjax, or the path of a file.

    Raises:
      RunError: there is none of this name, or the file cannot be read.
    """
    config, arrays, origin = pretrained.read(name)
    state = untrained(config)
    if "center" in arrays:
        return config, _learned(config, state, **arrays), origin
    return config, state._replace(**unflatten(arrays, {"members": state.members})), origin


def _learned(
    config: Config, state: PopulationState, center: np.ndarray, sensitivity: np.ndarray, fade: np.ndarray
) -> PopulationState:
    """Return a file of format 1: the population of one member that has learned this, and else is as it would begin."""
    synapses: Any = state.members.synapses  # such files are older than any kind but the sinusoid
    fresh = synapses._replace(fade=jnp.asarray(fade)[None])
    numbers = jax.vmap(controller.synapse_params)(config.population_params())
    synapses = jax.vmap(synapse.at_center)(fresh, jnp.asarray(center)[None], numbers)
    neurons = state.members.neurons._replace(sensitivity=jnp.asarray(sensitivity)[None])
    learning = state.members.learning._replace(average=synapses.center)
    return state._replace(members=state.members._replace(synapses=synapses, neurons=neurons, learning=learning))


def first_centers(config: Config, folder: Path, restarts: np.ndarray) -> np.ndarray:
    """Return where the centers of a run's members were when they last began, (N, 438).

    A branch keeps them in its first snapshot, so that it does not need its parent any longer.

    Args:
      config: of the run.
      folder: of the run.
      restarts: (N,) int, how often each member has started over.
    """
    drawn = np.asarray(untrained(config, restarts).members.synapses.center)
    if not config.parent.run:
        return drawn
    copied = np.asarray(restored(config, load_snapshot(folder, 0)).members.synapses.center)
    return np.where(restarts[:, None] > 0, drawn, copied)


def load_snapshot(folder: Path, number: int) -> dict[str, np.ndarray]:
    """Return the flat arrays of a run's snapshot, or raise RunError."""
    snapshots = Snapshots(folder)
    try:
        return snapshots.load(number)
    finally:
        snapshots.close()


def latest_round(folder: Path) -> int:
    """Return the round of a run's latest snapshot, or raise RunError."""
    snapshots = Snapshots(folder) if folder.exists() else None
    there = snapshots.numbers() if snapshots else []
    if snapshots:
        snapshots.close()
    if not there:
        raise RunError(f"{folder}: there is no snapshot yet")
    return there[-1]
