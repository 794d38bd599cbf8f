"""The sections of a config: what each key means, and which values it takes."""

import dataclasses
from dataclasses import field, replace
from typing import TYPE_CHECKING

from dsjax.presets import controller_of

if TYPE_CHECKING:
    from dsjax.controller import ControllerParams, ControllerSpec


from dataclasses import dataclass
from typing import Annotated, Literal, get_type_hints

from pydantic import ConfigDict, Field, Strict
from tyro.conf import Suppress, arg

FIRST_VALUES = ("synapse.center_range", "neuron.sensitivity")  # those that say what is untrained

Flag = Annotated[bool, Strict()]
Count = Annotated[int, Strict(), Field(ge=1)]
Members = Annotated[int, Strict(), Field(ge=1, le=2**30)]  # with as high a first one, their numbers fit 31 bits
First = Annotated[int, Strict(), Field(ge=0, lt=2**30)]
Limit = Annotated[int, Strict(), Field(ge=0)]
Seed = Annotated[int, Strict(), Field(ge=0, lt=2**64)]  # all 64 bits count: see population.run_key
Number = Annotated[float, Strict(), Field(allow_inf_nan=False)]
Positive = Annotated[float, Strict(), Field(gt=0, allow_inf_nan=False)]
NonNegative = Annotated[float, Strict(), Field(ge=0, allow_inf_nan=False)]


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
    input_amplitude: NonNegative
    """Amplitude of layer 1's oscillation over that of the other layers; 0 keeps layer 1 as it is."""
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
    fade_rate: NonNegative
    """Rate at which the oscillation fades whatever the reward [1/ms]; 0 fades by reward alone."""
    fade_reward: Annotated[float, Strict(), Field(gt=0)]
    """Mean reward of a step at which the oscillation, following progress, is 1/e of the first; inf follows none."""
    momentum: Annotated[float, Strict(), Field(ge=0, lt=1)]
    """Share of the last update that momentum keeps."""
    baseline_time: Annotated[float, Strict(), Field(gt=0)]
    """Time over which the mean reward is taken that rewards are compared with [ms]; inf compares with 0."""
    effort: Annotated[float, Strict(), Field(ge=0, le=1)]
    """How far the reward that is expected grows with effort, the mean torque; 1 makes reward per effort what counts."""
    averaging_time: NonNegative
    """Time over which centers are averaged for frozen controllers [ms]; 0 takes them as they are."""
    floor: Annotated[float, Strict(), Field(le=0)]
    """A worse reward counts as this one; -inf is no bound."""


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
class SelectionConfig:
    """Between rounds, members that lag go on as copies of better ones: for one good walker, not for statistics."""

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


# Keys of numbers that are traced: rows of one population, in one compiled program, may have different ones.
HYPERPARAMETERS = tuple(
    f"{name}.{key}"
    for name, section in {
        "controller": ControllerConfig, "oscillator": OscillatorConfig, "synapse": SynapseConfig,
        "neuron": NeuronConfig, "learning": LearningConfig,
    }.items()
    for key, kind in get_type_hints(section).items()
    if kind is float
)  # fmt: skip


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
    """A member rests, as it is, once its frozen centers are solved: what it would still learn may undo it."""
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
    parent: ParentConfig = field(default_factory=ParentConfig)
    points: Annotated[tuple[dict[str, Annotated[float, Strict()]], ...], Suppress] = ()
    """Numbers, by "section.key", that replace those above: every point has all the members, in rows of its own."""

    @property
    def rows(self) -> int:
        """Return the size of the population: every member at every point, point by point."""
        return max(len(self.points), 1) * self.members

    def identities(self) -> list[int]:
        """Return the index of each row's member. A member begins alike at every point: the comparison is paired."""
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

    def spec(self) -> "ControllerSpec":
        """Return the structure of the controllers."""
        return controller_of(dataclasses.asdict(self))[0]

    def params(self) -> "ControllerParams":
        """Return the numbers of one controller, where no point says otherwise."""
        return controller_of(dataclasses.asdict(self))[1]

    def population_params(self) -> "ControllerParams":
        """Return the numbers of every row: leaves (rows,)."""
        import jax
        import jax.numpy as jnp

        numbers = [self.row(first).params() for first in range(0, self.rows, self.members)]
        return jax.tree.map(lambda *leaves: jnp.repeat(jnp.array(leaves, float), self.members), *numbers)
