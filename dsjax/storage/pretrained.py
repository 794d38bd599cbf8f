"""Trained controllers in files of their own, those that ship with dsjax among them: all that one member has.

    format             2
    members.*          the member's whole state, by its path in a population of it alone, as in a snapshot
    config             TOML: how it learned, as a config file
    origin             JSON: the run that made it, the member, its round and steps; "scores" on test-v1 if there are any

A controller continues from its file as it would have in its run. Files of format 1 hold the average centers, the
sensitivity and the fade alone: they walk as well, but whoever trains them further starts with no expected reward.
"""

import json
import re
import tomllib
from functools import partial
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np

from dsjax.config import loading
from dsjax.config.schema import Config
from dsjax.errors import ConfigError, RunError
from dsjax.population import PopulationState
from dsjax.presets import FOLDER, PREFIX
from dsjax.storage.atomic import make_folder, write_whole
from dsjax.storage.snapshots import flatten

FORMAT = 2


def names() -> list[str]:
    """Return the names of the controllers that ship with dsjax."""
    return sorted(path.stem for path in FOLDER.glob("*.npz"))


def name_of(source: str | Path) -> str | None:
    """Return NAME of "pretrained:NAME", or the path of a controller's file; None for anything else, as a run."""
    text = str(source)
    if text.startswith(PREFIX):
        return text.removeprefix(PREFIX)
    return text if text.endswith(".npz") and not Path(text).is_dir() else None


def read(name: str) -> tuple[Config, dict[str, np.ndarray], dict[str, Any]]:
    """Return a controller's config, its arrays by name, and its origin.

    Args:
      name: of one that ships with dsjax, or the path of a file.

    Raises:
      RunError: there is none of this name, or the file is damaged or of another kind.
    """
    path = Path(name) if name.endswith(".npz") else FOLDER / f"{name}.npz"
    if not path.is_file():
        known = f"{PREFIX}{name}: there is no such controller; there are {', '.join(names()) or 'none'}"
        raise RunError(f"{path}: there is no such file" if name.endswith(".npz") else known)
    try:
        # Opened here, as numpy leaves a file open that it cannot read.
        with open(path, "rb") as file, np.load(file) as arrays:
            stored = {key: arrays[key] for key in arrays.files}
        config = loading.build(tomllib.loads(str(stored.pop("config"))), f"{PREFIX}{name}")
        origin = json.loads(str(stored.pop("origin")))
    except (OSError, ValueError, KeyError, BadZipFile) as error:
        if isinstance(error, ConfigError):
            raise
        raise RunError(f"{path}: is no controller's file, or damaged: {error}") from None
    if stored.pop("format", 1) not in (1, FORMAT):
        raise RunError(f"{path}: a newer dsjax wrote it; this one reads formats up to {FORMAT}")
    return config, stored, origin


def new_file(name: str | None, output: Path | None, force: bool) -> Path:
    """Return the path to write a controller to: one that ships with dsjax under a name, or a file elsewhere.

    Raises:
      RunError: neither or both are given, the name is none, or the file is there.
    """
    if (name is None) == (output is None):
        raise RunError("give either --name, to let it ship with dsjax, or --output FILE.npz")
    if name is not None and not re.fullmatch(r"[A-Za-z0-9][\w-]*", name):
        raise RunError(f"--name {name}: must be letters, digits, - and _, as in walker-2")
    if output is not None and output.suffix != ".npz":
        raise RunError(f"--output {output}: must end in .npz")
    path = output or FOLDER / f"{name}.npz"
    if path.exists() and not force:
        raise RunError(f"{path} is there already; choose another name, or replace it with --force")
    return path


def write(path: Path, config: Config, state: PopulationState, origin: dict[str, Any]) -> None:
    """Write one member's file whole or not at all.

    Args:
      path: of the file.
      config: of the member alone, as `Config.row` returns it.
      state: population of this member alone.
      origin: what is to be known of where it comes from; at least its "round" and "steps".
    """
    about = {"format": FORMAT, "config": loading.to_toml(config), "origin": json.dumps(origin)}
    arrays = {name: np.array(value) for name, value in about.items()} | flatten({"members": state.members})
    make_folder(path.parent)
    write_whole(path, partial(_save, arrays))


def _save(arrays: dict[str, np.ndarray], path: Path) -> None:
    with open(path, "wb") as file:  # given a name, numpy would add an ending to it
        np.savez_compressed(file, allow_pickle=False, **arrays)
