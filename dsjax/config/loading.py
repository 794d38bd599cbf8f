"""What a run is: TOML and command line to frozen dataclasses, checked.

A config starts from a preset's values; a TOML file or the command line states what differs. Every error is one line
that names the key, the value, the rule, and where there is one, the nearest valid key.
"""

import dataclasses
import difflib
import tomllib
from collections.abc import Iterator
from math import isfinite
from pathlib import Path
from typing import TYPE_CHECKING, Any

import tomli_w
from pydantic import TypeAdapter, ValidationError

from dsjax.config.schema import (  # fmt: skip
    FIRST_VALUES,
    HYPERPARAMETERS,
    Config,
    physics_of,
)
from dsjax.errors import ConfigError
from dsjax.presets import PRESETS

if TYPE_CHECKING:
    pass

# Keys that may change when a run is resumed: they say how long and where it runs, not what it computes.
FREE_KEYS = (
    "episodes", "steps", "until_solved", "environment.backend", "environment.workers",
    "snapshots.every", "snapshots.keep_every",
)  # fmt: skip


def build(values: dict[str, Any], source: str = "config") -> Config:
    """Return the config that differs from its preset by `values`.

    Args:
      values: nested, as in TOML; `preset` names the base and is "iros2018" by default.
      source: what to call the values in an error.

    Raises:
      ConfigError: an unknown preset or key, a value of the wrong type or out of range.
    """
    name = values.get("preset", "iros2018")
    if not isinstance(name, str) or name not in PRESETS:
        raise ConfigError(f"{source}: preset = {name!r}: there is no such preset; there are {', '.join(PRESETS)}")
    return check(merge({"preset": name, **PRESETS[name]}, values), source)


def check(values: dict[str, Any], source: str = "config") -> Config:
    """Return the config that states every value, or raise ConfigError with one line per mistake."""
    try:
        config = TypeAdapter(Config).validate_python(values)
    except ValidationError as error:
        raise ConfigError("\n".join(f"{source}: {explain(mistake)}" for mistake in error.errors())) from None
    if complaints := [f"{source}: {complaint}" for complaint in _complaints(config)]:
        raise ConfigError("\n".join(complaints))
    for number, point in enumerate(config.points):
        if wrong := [key for key in point if key not in HYPERPARAMETERS]:
            raise ConfigError(f"{source}: point {number}: {_no_number(wrong[0])}")
        check(dataclasses.asdict(config.row(number * config.members)), f"{source}: point {number}")
    return config


def _complaints(config: Config) -> Iterator[str]:
    """Yield a line on each thing that no key alone makes wrong."""
    learning = config.learning
    if isfinite(learning.fade_reward) and not isfinite(learning.baseline_time):
        yield f"learning.fade_reward = {learning.fade_reward:g}: follows the mean; set learning.baseline_time too"
    yield from _selection_complaints(config)


def _selection_complaints(config: Config) -> Iterator[str]:
    """Yield a line on each thing that makes selection impossible, or vain."""
    selection, values = config.selection, flat(config)
    every = f"selection.every = {selection.every}"
    for key in selection.keys:
        if key not in HYPERPARAMETERS:
            yield f"selection.keys: {_no_number(key)}"
        elif selection.every and key in FIRST_VALUES:
            yield f"selection.keys: {key} has no effect on members that have begun"
        elif selection.every and values[key] == 2 * values[key]:
            yield f"selection.keys: {key} = {values[key]} stays what it is, times any factor; leave it out or change it"
    if selection.every and config.restart.after:
        yield f"{every}: members that lag go on as copies, or start over by restart.after; leave one of the two 0"
    if selection.every and config.members == 1:
        yield f"{every}: a lone member has no other to copy; train more members, or leave it 0"
    if selection.every and config.points:
        yield f"{every}: copies would carry numbers from point to point; leave it 0, or have no points"


def _no_number(key: str) -> str:
    known = key in _valid_keys(Config)
    return f"{key} is no number of the controllers, which alone may differ within a run" if known else unknown_key(key)


def read_config(path: Path, **overrides: Any) -> Config:
    """Return the config of a TOML file, with top-level keys replaced by `overrides`.

    Raises:
      ConfigError: there is no such file, it is not TOML, or what it says cannot be run.
    """
    return build(read_toml(path) | overrides, str(path))


def read_toml(path: Path) -> dict[str, Any]:
    """Return what a TOML file says, or raise ConfigError."""
    try:
        return tomllib.loads(Path(path).read_text())
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read: {error.strerror}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: not valid TOML: {error}") from None


def to_toml(config: Config) -> str:
    """Return the whole config as TOML."""
    return tomli_w.dumps(dataclasses.asdict(config))


def differences(old: Config, new: Config) -> dict[str, tuple[Any, Any]]:
    """Return the keys, as "section.key", whose values differ, with both values."""
    before, after = flat(old), flat(new)
    return {key: (before[key], after[key]) for key in before if before[key] != after[key]}


def changes(stored: Config, config: Config, folder: Path) -> dict[str, tuple[Any, Any]]:
    """Return what differs between a run's stored config and the one to resume it with, by key: (stored, new).

    Raises:
      ConfigError: a value differs that decides what the run computes.
    """
    changed = differences(stored, config)
    if wrong := [key for key in changed if not _may_change(key, config, *changed[key])]:
        listing = ", ".join(f"{key} ({changed[key][0]!r} there, {changed[key][1]!r} here)" for key in wrong)
        raise ConfigError(f"{folder} was started with another config: {listing}; leave these out, or start a new run")
    return changed


def _may_change(key: str, config: Config, old: Any, new: Any) -> bool:
    """Return whether a run may be resumed with another value of a key."""
    if key == "environment.backend":  # "auto" is whatever the run has
        return new == "auto" or physics_of(old) == physics_of(new)
    if key.startswith("evaluation."):  # they change nothing in training, unless they decide who pauses or starts over
        return not (config.rest_when_solved or config.restart.after)
    return key in FREE_KEYS


def flat(config: Config) -> dict[str, Any]:
    """Return every value of a config by its key, as "section.key"."""
    return flatten(dataclasses.asdict(config))


def described(key: str, value: Any) -> str:
    """Return a value with its key, in as few words as will do."""
    name = key if key.startswith(("selection.", "restart.")) else key.split(".")[-1]
    name = name.replace(".", " ").replace("_", " ")
    if isinstance(value, bool):
        return name if value else f"not {name}"
    if isinstance(value, str):
        return value
    if key == "seed":  # of which every digit counts
        return f"{name} {value}"
    if isinstance(value, tuple):
        return f"{name} {' '.join(map(str, value))}"
    return f"{name} {value:g}"


def unknown_key(key: str, section: type = Config) -> str:
    """Return what to say of a key that does not exist: up to three that a person would mean."""
    valid = _valid_keys(section)
    ranked = sorted(valid, key=lambda name: -_likeness(key, name))
    best = _likeness(key, ranked[0])
    near = [name for name in ranked[:3] if _likeness(key, name) > 0.85 * best]
    return f"unknown key {key}; did you mean {' or '.join(near)}?"


def _likeness(key: str, name: str) -> float:
    """Return how likely a person who wrote `key` means the key `name`: their last parts count most."""
    (*before, written), (*section, word) = key.split("."), name.split(".")
    initials = "".join(part[0] for part in word.split("_"))
    alike = difflib.SequenceMatcher(None, written, word).ratio()
    if written == initials and len(initials) > 1:
        alike = 0.95
    elif written in word.split("_") or word in written.split("_") or word.startswith(written):
        alike = max(alike, 0.8)
    return alike + 0.15 * (before == section)


def merge(base: dict[str, Any], values: dict[str, Any]) -> dict[str, Any]:
    """Return nested values with others over them."""
    merged = dict(base)
    for key, value in values.items():
        old = merged.get(key)
        merged[key] = merge(old, value) if isinstance(old, dict) and isinstance(value, dict) else value
    return merged


def flatten(values: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    """Return nested values by their key, as "section.key"."""
    flat: dict[str, Any] = {}
    for key, value in values.items():
        flat |= flatten(value, f"{prefix}{key}.") if isinstance(value, dict) else {prefix + key: value}
    return flat


def _valid_keys(section: Any, prefix: str = "") -> list[str]:
    keys: list[str] = []
    for item in dataclasses.fields(section):
        name = prefix + item.name
        keys += _valid_keys(item.type, f"{name}.") if dataclasses.is_dataclass(item.type) else [name]
    return keys


def explain(mistake: Any, section: type = Config) -> str:
    """Return one line for one of pydantic's mistakes in a section's values."""
    key = ".".join(str(part) for part in mistake["loc"])
    if mistake["type"] == "unexpected_keyword_argument":
        return unknown_key(key, section)
    message = mistake["msg"].removeprefix("Value error, ")
    message = message[0].lower() + message[1:]
    return f"{key} = {mistake['input']!r}: {message}"
