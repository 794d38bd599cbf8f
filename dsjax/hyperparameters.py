"""Every hyperparameter of the controllers, declared once: its meaning, unit, bounds and neutral value.

Config sections, command-line flags, sweep keys and the pages that list hyperparameters follow from these declarations.
To add one, declare it here, with a default that leaves the published controllers as they are, and use it in the model.

Numbers are fields of the `...Params`: leaves that jit traces, so that members of one population may differ in them.
Structure is a field of the `...Spec`: static, so a change compiles another program.

The standard library alone: reading a config does not load jax.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal, NamedTuple, TypeAlias, get_args

Number: TypeAlias = Any  # a float; an array where it is traced, or where members have different ones


class Declared(NamedTuple):
    """What is declared of a hyperparameter."""

    meaning: str
    unit: str = ""
    ge: float | None = None  # bounds; None is none
    gt: float | None = None
    le: float | None = None
    lt: float | None = None
    finite: bool = True

    @property
    def sentence(self) -> str:
        """The meaning, with the unit if there is one."""
        return f"{self.meaning} [{self.unit}]" if self.unit else self.meaning


Adaptation = Literal["none", "linear", "nonlinear"]
ADAPTATIONS = get_args(Adaptation)
Fluctuation = Literal["sinusoid", "noise", "shared_receptors", "diffusing_receptors"]
FLUCTUATIONS = get_args(Fluctuation)
OPTIMIZERS = ("sgd", "momentum", "adam")


class OscillatorParams(NamedTuple):
    """Hyperparameters of a group of oscillators, each shaped () and dimensionless unless said otherwise."""

    recovery: Annotated[Number, Declared("How fast w follows v, a; larger shortens the period", ge=0)] = 0.08
    recovery_gain: Annotated[Number, Declared("Drive of w by v, b")] = 2.0
    recovery_decay: Annotated[Number, Declared("Decay of w, c")] = 0.8
    rate: Annotated[
        Number,
        Declared("Speed of both variables, k; larger oscillates faster, 0 freezes the oscillators", "1/ms", ge=0),
    ] = 0.02
    coupling: Annotated[
        Number, Declared("How strongly each oscillator inhibits the others; 0 is uncoupled, as published", ge=0)
    ] = 0.0


class SynapseParams(NamedTuple):
    """Hyperparameters of a group of synapses, each shaped (); the amplitude may also be one per synapse."""

    amplitude: Annotated[Number, Declared("Initial amplitude of a weight's oscillation; larger explores further", ge=0)]
    period: Annotated[
        Number, Declared("Mean period; longer gives each reward more time to find its weight", "ms", ge=5000)
    ]
    period_cv: Annotated[
        Number,
        Declared("Standard deviation of a period over its mean; larger decorrelates synapses sooner", ge=0, le=0.2),
    ]
    center_range: Annotated[Number, Declared("Centers start uniform within plus and minus this", ge=0)]


class NeuronParams(NamedTuple):
    """Hyperparameters of a layer of neurons, each shaped () and dimensionless unless said otherwise."""

    sensitivity: Annotated[Number, Declared("Initial sensitivity", gt=0)]
    rate: Annotated[Number, Declared("Rate of adaptation; larger adapts faster", "1/ms", ge=0)]
    target: Annotated[Number, Declared("Activity that the sensitivity adapts towards", ge=0)]
    minimum: Annotated[Number, Declared("Lower bound of the sensitivity", ge=0)] = 0.0
    maximum: Annotated[Number, Declared("Upper bound of the sensitivity; inf is none", gt=0, finite=False)] = math.inf


class LearningParams(NamedTuple):
    """Hyperparameters of the learning rule, each shaped ()."""

    learning_rate: Annotated[
        Number,
        Declared("How fast centers follow rewarded weights, eta; larger moves them faster, and noisier", "1/ms", ge=0),
    ]
    amplitude_decay: Annotated[
        Number,
        Declared("Rate at which reward fades the oscillation, lambda; larger ends exploration sooner", "1/ms", ge=0),
    ]
    fade_rate: Annotated[
        Number,
        Declared("Rate at which the oscillation fades whatever the reward, kappa; 0: by reward alone", "1/ms", ge=0),
    ] = 0.0
    fade_reward: Annotated[
        Number,
        Declared(
            "Mean reward of a step at which the oscillation, following progress, is 1/e of the first, rho; "
            "inf: it does not follow progress",
            gt=0,
            finite=False,
        ),
    ] = math.inf
    momentum: Annotated[Number, Declared("Share of the last update that optimizer = momentum keeps", ge=0, lt=1)] = 0.9
    baseline_time: Annotated[
        Number,
        Declared(
            "Time over which the mean reward is taken that rewards are compared with; inf: compared with 0",
            "ms",
            gt=0,
            finite=False,
        ),
    ] = math.inf
    effort: Annotated[
        Number,
        Declared(
            "How far the expected reward grows with effort, the mean torque; 1 makes reward per effort what counts",
            ge=0,
            le=1,
        ),
    ] = 0.0
    averaging_time: Annotated[
        Number,
        Declared("Time over which centers are averaged for frozen controllers; 0: centers as they are", "ms", ge=0),
    ] = 0.0
    floor: Annotated[
        Number, Declared("A worse reward counts as this one; -inf is no bound", le=0, finite=False)
    ] = -math.inf  # fmt: skip
    annealing: Annotated[
        Number,
        Declared(
            "Expected reward, summed over time, at which the learning rate has halved and what else anneals doubled",
            "ms",
            gt=0,
        ),
    ] = 1.2e7
    closing: Annotated[
        Number,
        Declared(
            "Expected reward, summed over time, from which an annealed oscillation that follows progress also fades "
            "for good, to 1/e after a quarter more; inf: never",
            "ms",
            gt=0,
            finite=False,
        ),
    ] = math.inf
    timing_rate: Annotated[
        Number,
        Declared("Share by which an episode moves the rewards expected at its ages, where these count", ge=0, le=1),
    ] = 0.04
    weight_decay: Annotated[
        Number,
        Declared("What a center c costs, as reward of a step over c^2 / 2; larger keeps centers small", ge=0),
    ] = 0.0


class ControllerParams(NamedTuple):
    """Hyperparameters of a controller; every leaf shaped ()."""

    hull_scale: Annotated[Number, Declared("Factor on the hull's angle", "1/rad")]
    oscillator: OscillatorParams
    synapse: SynapseParams
    neuron: NeuronParams
    learning: LearningParams
    input_amplitude: Annotated[
        Number,
        Declared("Amplitude of layer 1's synapses over that of all others; 0 keeps layer 1 as it is", ge=0),
    ] = 1.0


@dataclass(frozen=True)
class LearningSpec:
    """Structure of the learning rule. Static."""

    repulsive: Annotated[
        bool, Declared("A negative reward pushes centers away from the weight; if not, it counts as 0")
    ] = True
    signed_decay: Annotated[
        bool, Declared("A negative reward lets the amplitude grow again; if not, it leaves it alone")
    ] = True
    annealed: Annotated[
        bool, Declared("The learning rate falls, and floor and averaging time grow, as reward is earned; see annealing")
    ] = False
    timed: Annotated[
        bool, Declared("The expected reward knows how long ago the episode began; if not, it is the same at all ages")
    ] = False
    optimizer: Annotated[
        str | Callable[..., Any],
        Declared(
            "The optax transformation that moves the centers: sgd, which is the published rule, momentum, adam, or one "
            "of your own, as module:function; see learning.transformation"
        ),
    ] = "sgd"


@dataclass(frozen=True)
class ControllerSpec:
    """Structure of a controller: where the two published codes differ. Static."""

    adaptation: Annotated[Adaptation, Declared("How the neurons' sensitivity adapts")] = "nonlinear"
    fluctuation: Annotated[
        Fluctuation, Declared("How weights vary about their centers: along a sine, by noise, or as receptors move")
    ] = "sinusoid"
    negative_half: Annotated[bool, Declared("Whether the inputs for negative values carry them")] = False
    squash_inputs: Annotated[bool, Declared("Layer 1 is W1 tanh(z); if not, tanh(W1 z)")] = True
    oscillators_first: Annotated[bool, Declared("The oscillators step before layer 4 reads them; if not, after")] = (
        False
    )
    reset_at_episode: Annotated[
        bool, Declared("An episode starts with oscillators at rest and no previous action")
    ] = False  # fmt: skip
    deliver_last_reward: Annotated[bool, Declared("The synapses see the reward that ended an episode")] = True
    learning: LearningSpec = field(default_factory=LearningSpec)
