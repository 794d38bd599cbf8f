"""The hyperparameters that members of one run have each their own of, because selection changed them."""

from dataclasses import replace
from typing import Any

import jax.numpy as jnp
import numpy as np

from dsjax.config.schema import Config
from dsjax.controller import ControllerParams
from dsjax.storage.snapshots import flatten, unflatten


def varied(config: Config, params: ControllerParams) -> dict[str, np.ndarray]:
    """Return the members' numbers that selection changes, each (N,), by "section.key"; none without selection."""
    if not config.selection.every:
        return {}
    places = {key: key.split(".") for key in config.selection.keys}
    return {key: np.asarray(getattr(_section(params, section), name)) for key, (section, name) in places.items()}


def replaced(params: ControllerParams, numbers: dict[str, np.ndarray]) -> ControllerParams:
    """Return the members' params with other values, each (N,), of some numbers."""
    for key, values in numbers.items():
        section, name = key.split(".")
        changed = _section(params, section)._replace(**{name: jnp.asarray(values)})
        params = changed if section == "controller" else params._replace(**{section: changed})
    return params


def arrays(config: Config, params: ControllerParams) -> dict[str, np.ndarray]:
    """Return what a snapshot must hold of the params, by name: "selection.section.key"; nothing without selection."""
    return flatten({"selection": varied(config, params)})


def restored(config: Config, arrays: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Return the members' numbers of a snapshot's flat arrays; none without selection."""
    like = {"selection": varied(config, config.population_params())}
    return unflatten(arrays, like)["selection"]


def alone(config: Config, row: int, numbers: dict[str, np.ndarray]) -> Config:
    """Return the config of one row with its numbers as of a snapshot, and without selection: it has no others."""
    own = config.row(row).with_numbers({key: float(values[row]) for key, values in numbers.items()})
    return replace(own, selection=replace(config.selection, every=0))


def _section(params: ControllerParams, name: str) -> Any:
    return params if name == "controller" else getattr(params, name)
