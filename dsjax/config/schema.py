"""The schema of a config: what each key means, which values it takes, and what follows from them.

The sections of hyperparameters are built from their declarations in `dsjax.hyperparameters`.
"""

import dataclasses
import re
from dataclasses import dataclass, field, is_dataclass, make_dataclass, replace
from typing import TYPE_CHECKING, Annotated, Any, Literal, TypeAlias, get_args, get_type_hints

from pydantic import AfterValidator, ConfigDict, Field, Strict
from pydantic.fields import FieldInfo
from tyro.conf import Suppress, arg

from dsjax.hyperparameters import OPTIMIZERS, ControllerParams, ControllerSpec, Declared
from dsjax.presets import MOVED, SECTIONS, controller_of

FIRST_VALUES = ("synapse.center_range", "neuron.sensitivity")  # those that say what is untrained

Flag = Annotated[bool, Strict()]
Count = Annotated[int, Strict(), Field(ge=1)]
Members = Annotated[int, Strict(), Field(ge=1, le=2**30)]  # with as high a first one, their numbers fit 31 bits
First = Annotated[int, Strict(), Field(ge=0, lt=2**30)]
Limit = Annotated[int, Strict(), Field(ge=0)]
Seed = Annotated[int, Strict(), Field(ge=0, lt=2**64)]  # all 64 bits count: see population.run_key


@dataclass(frozen=True, kw_only=True)
class EnvironmentConfig:
    """The walkers' world."""

    __pydantic_config__ = ConfigDict(extra="forbid")
    id: Literal["BipedalWalker-v3", "BipedalWalkerHardcore-v3"] = "BipedalWalker-v3"
    """Gymnasium's name of the task."""
    backend: Annotated[Literal["auto", "envpool", "async", "sync", "jax"], arg(aliases=["--backend"])] = "auto"
    """Where walkers step: JAX's on a GPU or the cores, EnvPool's in threads, gymnasium's in workers or in this process;
    auto is the fastest."""
    workers: Limit = 0
    """Worker processes of async, threads of envpool, cores of jax without a GPU; 0 is one per core."""


def physics_of(backend: str) -> str:
    """Return whose physics a backend has: gymnasium's own backends give the same bits."""
    return backend if backend in ("jax", "envpool") else "gymnasium"


def _bounds(declared: Declared) -> FieldInfo:
    """Return what a hyperparameter's declaration says of its bounds, for pydantic."""
    bounds = {name: value for name in ("ge", "gt", "le", "lt") if (value := getattr(declared, name)) is not None}
    return Field(allow_inf_nan=not declared.finite, **bounds)


def _keys_of(part: type) -> dict[str, tuple[Any, Declared]]:
    """Return the keys that a declaration has in its section: {name: (type of the value, what is declared)}.

    Numbers are floats in a config; its leaves become arrays when they are traced.
    """
    keys: dict[str, tuple[Any, Declared]] = {}
    for name, hint in get_type_hints(part, include_extras=True).items():
        declared = next((each for each in getattr(hint, "__metadata__", ()) if isinstance(each, Declared)), None)
        if declared:
            kind = get_args(hint)[0] if is_dataclass(part) else float
            keys[name] = kind, declared
    return keys


def _section(name: str, doc: str, keys: dict[str, tuple[Any, Declared]]) -> Any:
    """Return the dataclass of a config's section, with every key that is declared for it in `hyperparameters`."""
    fields: list[tuple[str, Any]] = []
    for key, (kind, declared) in keys.items():
        about = arg(help=f"{declared.sentence}.", aliases=_ALIASES.get(key))
        rule: tuple[Any, ...] = (Strict(), _bounds(declared)) if kind is float else ()
        rule = (Strict(),) if kind is bool else rule
        kind = Annotated[str, AfterValidator(_optimizer)] if key == "optimizer" else kind
        fields.append((key, Annotated[kind, *rule, about]))
    namespace = {"__pydantic_config__": ConfigDict(extra="forbid"), "__doc__": doc}
    made = make_dataclass(name, fields, frozen=True, kw_only=True, namespace=namespace)
    made.__module__ = __name__  # to send configs to other processes
    return made


def _optimizer(name: str) -> str:
    """Return the name of an optimizer, or raise ValueError; what it imports is checked where it is used."""
    if name in OPTIMIZERS or re.fullmatch(r"[\w.]+:[\w.]+", name):
        return name
    raise ValueError(f"must be one of {', '.join(OPTIMIZERS)}, or module:function")


# Short flags beside --section.key.
_ALIASES = {"adaptation": ["--adaptation"], "repulsive": ["--repulsive"]}
# What is declared of each key, by section.
DECLARED = {
    section: {key: about for part in parts for key, about in _keys_of(part).items()}
    for section, parts in SECTIONS.items()
}
# How neurons adapt and weights vary is structure of the controller; the sections are the neurons' and the synapses'.
for _key, _place in MOVED.items():
    DECLARED[_place] = {_key: DECLARED["controller"].pop(_key)} | DECLARED[_place]
# Keys of numbers that are traced: rows of one population, in one compiled program, may have different ones.
HYPERPARAMETERS = tuple(
    f"{section}.{key}" for section, keys in DECLARED.items() for key, (kind, _) in keys.items() if kind is float
)

if TYPE_CHECKING:
    ControllerConfig: TypeAlias = Any
    OscillatorConfig: TypeAlias = Any
    SynapseConfig: TypeAlias = Any
    NeuronConfig: TypeAlias = Any
    LearningConfig: TypeAlias = Any
else:
    ControllerConfig = _section(
        "ControllerConfig",
        "How the four layers are wired: where the two published codes differ.",
        DECLARED["controller"],
    )
    OscillatorConfig = _section("OscillatorConfig", "The central pattern generator.", DECLARED["oscillator"])
    SynapseConfig = _section("SynapseConfig", "The dynamic synapses.", DECLARED["synapse"])
    NeuronConfig = _section("NeuronConfig", "The adaptive neurons.", DECLARED["neuron"])
    LearningConfig = _section("LearningConfig", "The learning rule.", DECLARED["learning"])


@dataclass(frozen=True, kw_only=True)
class EvaluationConfig:
    """Frozen-center episodes on held-out terrains, between rounds."""

    __pydantic_config__ = ConfigDict(extra="forbid")
    every: Limit = 10
    """Evaluate after every so many rounds, and before the first; 0 never does."""
    episodes: Count = 10
    """Terrains per member and evaluation. Members with a mean of 300 are tested on 100, until they are solved."""


@dataclass(frozen=True, kw_only=True)
class SnapshotConfig:
    """Snapshots, written between rounds."""

    __pydantic_config__ = ConfigDict(extra="forbid")
    every: Annotated[Count, arg(aliases=["--save-every"])] = 1
    """Save after every so many rounds: what a kill can cost."""
    keep_every: Count = 100
    """Keep for good the snapshot of every so many rounds, beside the latest two and the best."""


@dataclass(frozen=True, kw_only=True)
class SelectionConfig:
    """Between rounds, copies of better members replace those that lag: for one good walker, not for statistics."""

    __pydantic_config__ = ConfigDict(extra="forbid")
    every: Limit = 0
    """Select after every so many rounds; 0 never does, and members are independent."""
    share: Annotated[float, Strict(), Field(gt=0, le=0.5)] = 0.25
    """Share of the members, the worst, that are replaced by copies of as large a share, the best; one at least."""
    perturb: Annotated[float, Strict(), Field(ge=1, allow_inf_nan=False)] = 1.2
    """Factor that a copy's numbers are multiplied with or divided by; 1 leaves them as they are."""
    keys: Annotated[tuple[str, ...], Field(min_length=1)] = ("learning.learning_rate",)
    """Numbers, by "section.key", that a copy perturbs."""


@dataclass(frozen=True, kw_only=True)
class RestartConfig:
    """Between rounds, members that found a poor gait start over with nothing learned; their steps count on."""

    __pydantic_config__ = ConfigDict(extra="forbid")
    after: Limit = 0
    """Steps that a member has from its beginning until its gait is judged, after every round from then on; 0: never."""
    below: Annotated[float, Strict(), Field(allow_inf_nan=False)] = 150.0
    """Mean return of its last 100 training episodes below which a member starts over, unless it has been solved."""


@dataclass(frozen=True, kw_only=True)
class ParentConfig:
    """Which trained members the members began as: the lineage of a branch."""

    __pydantic_config__ = ConfigDict(extra="forbid")
    run: Annotated[str, Suppress] = ""
    """Run folder of the parent, or pretrained:NAME; none if empty."""
    member: Annotated[Limit, Suppress] = 0
    """Which of its members all began as."""
    best_of: Annotated[Limit, Suppress] = 0
    """Each began as the best of so many of its members in a row, by their frozen centers; 0: all as one member."""
    round: Annotated[Limit, Suppress] = 0
    """Round of the snapshot they were taken from."""


@dataclass(frozen=True, kw_only=True)
class Config:
    """A whole run."""

    __pydantic_config__ = ConfigDict(extra="forbid")
    preset: Literal["iros2018", "readme"]
    """Published controller whose values hold where nothing else is said."""
    members: Members = 32
    """Independent controllers, trained side by side."""
    first_member: First = 0
    """Index of the first member: what is random in a member follows from the run's seed and its index."""
    seed: Seed = 0
    """Seed of the run, below 2**64: everything random follows from it."""
    episodes: Limit = 50_000
    """Train every member for this many episodes; 0 is no limit."""
    steps: Limit = 0
    """Train every member for this many steps of its environment, resets included; 0 is no limit."""
    until_solved: Flag = False
    """Stop when every member has been solved by either rule."""
    rest_when_solved: Flag = False
    """Pause a member, as it is, once its frozen centers are solved: what it would still learn may undo it."""
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
    selection: SelectionConfig = field(default_factory=SelectionConfig)
    restart: RestartConfig = field(default_factory=RestartConfig)
    parent: ParentConfig = field(default_factory=ParentConfig)
    points: Annotated[tuple[dict[str, Annotated[float, Strict()]], ...], Suppress] = ()
    """Numbers, by "section.key", that replace those above: every point has all the members, in rows of its own."""

    @property
    def rows(self) -> int:
        """Return the size of the population: every member at every point, point by point."""
        return max(len(self.points), 1) * self.members

    def identities(self) -> list[int]:
        """Return each row's index: the same initial state and terrains at every point, so that points can be paired."""
        return [self.first_member + row % self.members for row in range(self.rows)]

    def row(self, row: int) -> "Config":
        """Return the config of one row. It trains the row alone, to the same bits, but for a run with selection."""
        point = self.points[row // self.members] if self.points else {}
        return replace(self, members=1, first_member=self.identities()[row], points=()).with_numbers(point)

    def with_numbers(self, numbers: dict[str, float]) -> "Config":
        """Return the config with other values of some `HYPERPARAMETERS`."""
        changed: dict[str, dict[str, float]] = {}
        for key, value in numbers.items():
            section, name = key.split(".")
            changed.setdefault(section, {})[name] = value
        return replace(self, **{name: replace(getattr(self, name), **values) for name, values in changed.items()})

    def spec(self) -> ControllerSpec:
        """Return the structure of the controllers."""
        return controller_of(dataclasses.asdict(self))[0]

    def params(self) -> ControllerParams:
        """Return the numbers of one controller, where no point says otherwise."""
        return controller_of(dataclasses.asdict(self))[1]

    def population_params(self) -> ControllerParams:
        """Return the numbers of every row: leaves (rows,)."""
        import jax
        import jax.numpy as jnp

        numbers = [self.row(first).params() for first in range(0, self.rows, self.members)]
        return jax.tree.map(lambda *leaves: jnp.repeat(jnp.array(leaves, float), self.members), *numbers)
