"""Configs and sweeps that ship with dsjax, found by their name."""

from pathlib import Path

from dsjax.errors import ConfigError

_PACKAGE = Path(__file__).parents[1]


def configs_folder() -> Path:
    """Return the folder of the configs that ship with dsjax: the package's where it is installed, else the clone's."""
    installed = _PACKAGE / "configs"
    return installed if installed.is_dir() else _PACKAGE.parent / "configs"


def find_config(name: str | Path) -> Path:
    """Return the path of a config: a file, or one that ships with dsjax, by its name, as "solve".

    Raises:
      ConfigError: there is neither.
    """
    return _find(Path(name), configs_folder())


def find_sweep(name: str | Path) -> Path:
    """Return the path of a sweep: a file, or one that ships with dsjax, by its name, as "ablation".

    Raises:
      ConfigError: there is neither.
    """
    return _find(Path(name), configs_folder() / "sweeps")


def _find(path: Path, folder: Path) -> Path:
    if path.suffix or path.name != str(path) or path.exists():
        return path
    shipped = folder / f"{path}.toml"
    if shipped.exists():
        return shipped
    known = ", ".join(sorted(file.stem for file in folder.glob("*.toml")))
    raise ConfigError(f"{path}: there is no such file, and none that ships with dsjax; there are {known}")
