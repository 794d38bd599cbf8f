"""What a run is: TOML and command line to frozen dataclasses, checked.

A config starts from a preset's values; a TOML file or the command line states what differs. Every error is one line
that names the key, the value, the rule, and where there is one, the nearest valid key.
"""

import dataclasses
import difflib
import tomllib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Literal

import tomli_w
from pydantic import ConfigDict, Field, Strict, TypeAdapter, ValidationError
from tyro.conf import arg

from dsjax.controller import ControllerParams, ControllerSpec
from dsjax.learning import LearningParams, LearningSpec
from dsjax.neuron import NeuronParams
from dsjax.oscillator import OscillatorParams
from dsjax.presets import PRESETS, preset
from dsjax.synapse import SynapseParams

Flag = Annotated[bool, Strict()]
Count = Annotated[int, Strict(), Field(ge=1)]
Limit = Annotated[int, Strict(), Field(ge=0)]
Number = Annotated[float, Strict(), Field(allow_inf_nan=False)]
Positive = Annotated[float, Strict(), Field(gt=0, allow_inf_nan=False)]
NonNegative = Annotated[float, Strict(), Field(ge=0, allow_inf_nan=False)]

# Keys that may change when a run is resumed: they say how long and where it runs, not what it computes.
FREE_KEYS = (
    "episodes", "steps", "until_solved", "environment.backend", "environment.workers",
    "snapshots.every", "snapshots.keep_every",
)  # fmt: skip


def may_change(key: str, old: Any, new: Any) -> bool:
    """Return whether a run may be resumed with another value of a key."""
    return key in FREE_KEYS and not (key == "environment.backend" and "envpool" in (old, new))


class ConfigError(ValueError):
    """A config that cannot be run; the message has one line per mistake."""


@dataclass(frozen=True, kw_only=True)
class EnvironmentConfig:
    """The walkers' world."""

    __pydantic_config__ = ConfigDict(extra="forbid")
    id: Literal["BipedalWalker-v3", "BipedalWalkerHardcore-v3"] = "BipedalWalker-v3"
    """Gymnasium's name of the task."""
    backend: Annotated[Literal["auto", "envpool", "async", "sync"], arg(aliases=["--backend"])] = "auto"
    """Where walkers step: EnvPool's in threads, gymnasium's in workers or in this process; auto is the fastest."""
    workers: Limit = 0
    """Worker processes of async, threads of envpool; 0 is one per core."""


@dataclass(frozen=True, kw_only=True)
class ControllerConfig:
    """How the four layers are wired: where the two published codes differ."""

    __pydantic_config__ = ConfigDict(extra="forbid")
    hull_scale: Number
    """Factor on the hull's angle [1/rad]."""
    negative_half: Flag
    """Whether the inputs for negative values carry them."""
    squash_inputs: Flag
    """Layer 1 is W1 tanh(z); if not, tanh(W1 z)."""
    oscillators_first: Flag
    """The oscillators step before layer 4 reads them; if not, after."""
    reset_at_episode: Flag
    """An episode starts with oscillators at rest and no previous action."""
    deliver_last_reward: Flag
    """The synapses see the reward that ended an episode."""


@dataclass(frozen=True, kw_only=True)
class OscillatorConfig:
    """The central pattern generator."""

    __pydantic_config__ = ConfigDict(extra="forbid")
    recovery: NonNegative
    """How fast w follows v; larger shortens the period."""
    recovery_gain: Number
    """Drive of w by v."""
    recovery_decay: Number
    """Decay of w."""
    rate: NonNegative
    """Speed of both variables [1/ms]; larger oscillates faster, 0 freezes the oscillators."""
    coupling: NonNegative
    """How strongly oscillators inhibit each other; 0 is uncoupled."""


@dataclass(frozen=True, kw_only=True)
class SynapseConfig:
    """The dynamic synapses."""

    __pydantic_config__ = ConfigDict(extra="forbid")
    amplitude: NonNegative
    """Initial amplitude of a weight's oscillation; larger explores further."""
    period: Annotated[float, Strict(), Field(ge=5000, allow_inf_nan=False)]
    """Mean period [ms]; longer gives each reward more time to find its weight."""
    period_cv: Annotated[float, Strict(), Field(ge=0, le=0.2)]
    """Standard deviation of a period over its mean; larger decorrelates synapses sooner."""
    center_range: NonNegative
    """Centers start uniform within plus and minus this."""


@dataclass(frozen=True, kw_only=True)
class NeuronConfig:
    """The adaptive neurons."""

    __pydantic_config__ = ConfigDict(extra="forbid")
    adaptation: Annotated[Literal["none", "linear", "nonlinear"], arg(aliases=["--adaptation"])]
    """How the sensitivity adapts."""
    sensitivity: Positive
    """Initial sensitivity."""
    rate: NonNegative
    """Rate of adaptation [1/ms]."""
    target: NonNegative
    """Activity the sensitivity adapts towards."""
    minimum: NonNegative
    """Lower bound of the sensitivity."""
    maximum: Annotated[float, Strict(), Field(gt=0)]
    """Upper bound of the sensitivity; inf is none."""


@dataclass(frozen=True, kw_only=True)
class LearningConfig:
    """The learning rule."""

    __pydantic_config__ = ConfigDict(extra="forbid")
    repulsive: Annotated[Flag, arg(aliases=["--repulsive"])]
    """A negative reward pushes centers away from the weight; if not, it counts as 0."""
    signed_decay: Flag
    """A negative reward lets the amplitude grow again; if not, it leaves it alone."""
    optimizer: Literal["sgd", "momentum", "adam"]
    """The optax transformation that moves the centers; sgd is the published rule."""
    learning_rate: NonNegative
    """Speed at which centers follow rewarded weights [1/ms]."""
    amplitude_decay: NonNegative
    """Rate at which reward fades the oscillation [1/ms]; larger ends exploration sooner."""
    momentum: Annotated[float, Strict(), Field(ge=0, lt=1)]
    """Share of the last update that momentum keeps."""


@dataclass(frozen=True, kw_only=True)
class EvaluationConfig:
    """Frozen-center episodes on held-out terrains, between rounds."""

    __pydantic_config__ = ConfigDict(extra="forbid")
    every: Limit = 10
    """Evaluate after every so many rounds, and before the first; 0 never does."""
    episodes: Count = 10
    """Terrains per member and evaluation. Members with a mean of 300 are tested on 100."""


@dataclass(frozen=True, kw_only=True)
class SnapshotConfig:
    """Snapshots, written between rounds."""

    __pydantic_config__ = ConfigDict(extra="forbid")
    every: Annotated[Count, arg(aliases=["--save-every"])] = 1
    """Save after every so many rounds: what a kill can cost."""
    keep_every: Count = 100
    """Keep for good the snapshot of every so many rounds, beside the latest two and the best."""


@dataclass(frozen=True, kw_only=True)
class Config:
    """A whole run."""

    __pydantic_config__ = ConfigDict(extra="forbid")
    preset: Literal["iros2018", "readme"]
    """Published controller whose values hold where nothing else is said."""
    members: Count = 32
    """Independent controllers, trained side by side."""
    seed: Limit = 0
    """Seed of the run: everything random follows from it."""
    episodes: Limit = 50_000
    """Train every member for this many episodes; 0 is no limit."""
    steps: Limit = 0
    """Train every member for this many steps of its environment, resets included; 0 is no limit."""
    until_solved: Flag = False
    """Stop when every member has been solved by either rule."""
    round_steps: Count = 20_000
    """Steps of a round. Each begins with new episodes; evaluations and snapshots come between rounds."""
    environment: EnvironmentConfig = field(default_factory=EnvironmentConfig)
    controller: ControllerConfig
    oscillator: OscillatorConfig
    synapse: SynapseConfig
    neuron: NeuronConfig
    learning: LearningConfig
    evaluation: EvaluationConfig = field(default_factory=EvaluationConfig)
    snapshots: SnapshotConfig = field(default_factory=SnapshotConfig)

    def spec(self) -> ControllerSpec:
        """Return the structure of the controllers."""
        learning = LearningSpec(**_pick(self.learning, LearningSpec))
        return ControllerSpec(
            **_pick(self.controller, ControllerSpec), adaptation=self.neuron.adaptation, learning=learning
        )

    def params(self) -> ControllerParams:
        """Return the numbers of one controller."""
        return ControllerParams(
            hull_scale=self.controller.hull_scale,
            oscillator=OscillatorParams(**_pick(self.oscillator, OscillatorParams)),
            synapse=SynapseParams(**_pick(self.synapse, SynapseParams)),
            neuron=NeuronParams(**_pick(self.neuron, NeuronParams)),
            learning=LearningParams(**_pick(self.learning, LearningParams)),
        )


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
    return check(_merge(_preset_values(name), values), source)


def check(values: dict[str, Any], source: str = "config") -> Config:
    """Return the config that states every value, or raise ConfigError with one line per mistake."""
    try:
        return TypeAdapter(Config).validate_python(values)
    except ValidationError as error:
        raise ConfigError("\n".join(f"{source}: {_explain(mistake)}" for mistake in error.errors())) from None


def load(path: Path, **overrides: Any) -> Config:
    """Return the config of a TOML file, with top-level keys replaced by `overrides`.

    Raises:
      ConfigError: there is no such file, it is not TOML, or what it says cannot be run.
    """
    try:
        values = tomllib.loads(Path(path).read_text())
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read: {error.strerror}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: not valid TOML: {error}") from None
    return build(values | overrides, str(path))


def to_toml(config: Config) -> str:
    """Return the whole config as TOML."""
    return tomli_w.dumps(dataclasses.asdict(config))


def differences(old: Config, new: Config) -> dict[str, tuple[Any, Any]]:
    """Return the keys, as "section.key", whose values differ, with both values."""
    before, after = flat(old), flat(new)
    return {key: (before[key], after[key]) for key in before if before[key] != after[key]}


def flat(config: Config) -> dict[str, Any]:
    """Return every value of a config by its key, as "section.key"."""
    return _flatten(dataclasses.asdict(config))


def unknown_key(key: str) -> str:
    """Return what to say of a key that does not exist: the nearest that does."""
    valid = _valid_keys(Config)
    # A right key in the wrong section is nearer than any other key: look for its last part first.
    last = [name for name in valid if name.split(".")[-1] == key.split(".")[-1]]
    near = last or difflib.get_close_matches(key, valid, n=1, cutoff=0)
    return f"unknown key {key}; did you mean {near[0]}?"


def _preset_values(name):
    spec, params = preset(name)
    structure = dataclasses.asdict(spec)
    learning, adaptation = structure.pop("learning"), structure.pop("adaptation")
    return {
        "preset": name,
        "controller": {"hull_scale": params.hull_scale, **structure},
        "oscillator": params.oscillator._asdict(),
        "synapse": params.synapse._asdict(),
        "neuron": {"adaptation": adaptation, **params.neuron._asdict()},
        "learning": {**learning, **params.learning._asdict()},
    }


def _pick(section, target):
    """Return the section's values that are fields of the target type."""
    names = target._fields if hasattr(target, "_fields") else [f.name for f in dataclasses.fields(target)]
    return {name: getattr(section, name) for name in names if hasattr(section, name)}


def _merge(base, values):
    merged = dict(base)
    for key, value in values.items():
        old = merged.get(key)
        merged[key] = _merge(old, value) if isinstance(old, dict) and isinstance(value, dict) else value
    return merged


def _flatten(values, prefix=""):
    flat: dict[str, Any] = {}
    for key, value in values.items():
        flat |= _flatten(value, f"{prefix}{key}.") if isinstance(value, dict) else {prefix + key: value}
    return flat


def _valid_keys(section, prefix=""):
    keys: list[str] = []
    for item in dataclasses.fields(section):
        name = prefix + item.name
        keys += _valid_keys(item.type, f"{name}.") if dataclasses.is_dataclass(item.type) else [name]
    return keys


def _explain(mistake):
    """Return one line for one of pydantic's mistakes."""
    key = ".".join(str(part) for part in mistake["loc"])
    if mistake["type"] == "unexpected_keyword_argument":
        return unknown_key(key)
    message = mistake["msg"][0].lower() + mistake["msg"][1:]
    return f"{key} = {mistake['input']!r}: {message}"
