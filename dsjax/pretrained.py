"""Trained controllers that ship with dsjax: a file of a few kB each, with all that one member has learned.

    center (438,), sensitivity (8,), fade ()   what it has learned; centers are averaged, if it averages them
    config                                     TOML: how it learned, as a config file
    origin                                     JSON: the run that made it, the member, its round and steps

What no longer matters once learning rests, where each weight is in its cycle, is left out.
"""

import json
import tomllib
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from dsjax import config as configs
from dsjax.config import Config
from dsjax.population import PopulationState
from dsjax.records import RunError, write_whole

FOLDER = Path(__file__).parent / "pretrained"
PREFIX = "pretrained:"  # of what stands in for a run's folder


def names() -> list[str]:
    """Return the names of the controllers that ship with dsjax."""
    return sorted(path.stem for path in FOLDER.glob("*.npz"))


def name_of(source: str | Path) -> str | None:
    """Return NAME of "pretrained:NAME", or None for anything else."""
    return str(source).removeprefix(PREFIX) if str(source).startswith(PREFIX) else None


def read(name: str) -> tuple[Config, dict[str, np.ndarray], dict[str, Any]]:
    """Return a controller's config, what it has learned (center, sensitivity, fade), and its origin.

    Raises:
      RunError: there is none of this name.
    """
    if name not in names():
        raise RunError(f"{PREFIX}{name}: there is no such controller; there are {', '.join(names()) or 'none'}")
    with np.load(FOLDER / f"{name}.npz") as file:
        stored = {key: file[key] for key in file.files}
    config = configs.build(tomllib.loads(str(stored.pop("config"))), f"{PREFIX}{name}")
    origin = json.loads(str(stored.pop("origin")))
    return config, stored, origin


def write(path: Path, config: Config, state: PopulationState, origin: dict[str, Any]) -> None:
    """Write one member's file whole or not at all.

    Args:
      path: of the file.
      config: of the member alone, as `Config.row` returns it.
      state: population of this member alone.
      origin: what is to be known of where it comes from; at least its "round" and "steps".
    """
    members = state.members
    arrays = {
        "center": np.asarray(members.learning.average[0]),
        "sensitivity": np.asarray(members.neurons.sensitivity[0]),
        "fade": np.asarray(members.synapses.fade[0]),
        "config": np.array(configs.to_toml(config)),
        "origin": np.array(json.dumps(origin)),
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    write_whole(path, partial(_save, arrays))


def _save(arrays, path):
    with open(path, "wb") as file:  # given a name, numpy would add an ending to it
        np.savez_compressed(file, allow_pickle=False, **arrays)
