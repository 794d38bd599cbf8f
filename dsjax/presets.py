"""The two published controllers, as numbers.

`iros2018` is the code published with Wei & Webb, IROS 2018; `readme` is the later "Dynamic Synapse Neural Network for
Bipedal Walking". One implementation runs both. Plain data, by the sections and keys of a config: reading a config file
takes it, and must not load jax.
"""

import math
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dsjax.controller import ControllerParams, ControllerSpec

_OSCILLATOR = {"recovery": 0.08, "recovery_gain": 2.0, "recovery_decay": 0.8, "rate": 0.02, "coupling": 0.0}
_SYNAPSE = {"amplitude": 0.2, "period": 20000.0, "period_cv": 0.1, "center_range": 0.2}
_NEURON = {
    "adaptation": "nonlinear",
    "sensitivity": 0.5,
    "rate": 1e-6,
    "target": 0.3,
    "minimum": 0.0,
    "maximum": math.inf,
}
_RULE = {
    "repulsive": True,
    "signed_decay": True,
    "optimizer": "sgd",
    "learning_rate": 1.2e-5,
    "amplitude_decay": 3e-9,
    "fade_rate": 0.0,
    "fade_reward": math.inf,
    "momentum": 0.9,
    "baseline_time": math.inf,
    "effort": 0.0,
    "averaging_time": 0.0,
    "floor": -math.inf,
}

PRESETS: dict[str, dict[str, dict[str, Any]]] = {
    "iros2018": {
        "controller": {
            "hull_scale": math.pi / 2,
            "input_amplitude": 1.0,
            "negative_half": False,
            "squash_inputs": True,
            "oscillators_first": False,
            "reset_at_episode": False,
            "deliver_last_reward": True,
        },
        "oscillator": _OSCILLATOR,
        "synapse": _SYNAPSE,
        "neuron": _NEURON,
        "learning": _RULE,
    },
    "readme": {
        "controller": {
            "hull_scale": 1 / (2 * math.pi),
            "input_amplitude": 1.0,
            "negative_half": True,
            "squash_inputs": False,
            "oscillators_first": True,
            "reset_at_episode": True,
            "deliver_last_reward": False,
        },
        "oscillator": _OSCILLATOR,
        "synapse": _SYNAPSE,
        "neuron": _NEURON | {"minimum": 1e-3, "maximum": 5.0},
        "learning": _RULE | {"signed_decay": False, "learning_rate": 1.2e-4, "amplitude_decay": 3e-8},
    },
}


def preset(name: str) -> "tuple[ControllerSpec, ControllerParams]":
    """Return the structure and the numbers of a published controller.

    Raises:
      ValueError: there is no such preset.
    """
    if name not in PRESETS:
        raise ValueError(f"no preset {name!r}; there are {', '.join(PRESETS)}")
    return controller_of(PRESETS[name])


def controller_of(values: dict[str, dict[str, Any]]) -> "tuple[ControllerSpec, ControllerParams]":
    """Return the structure and the numbers of the controller that a config's sections state.

    Args:
      values: by section and key, as in `PRESETS`.
    """
    from dsjax.controller import ControllerParams, ControllerSpec
    from dsjax.learning import LearningParams, LearningSpec
    from dsjax.neuron import NeuronParams
    from dsjax.oscillator import OscillatorParams
    from dsjax.synapse import SynapseParams

    def pick(section, target):
        names = target._fields if hasattr(target, "_fields") else target.__dataclass_fields__
        return {key: value for key, value in values[section].items() if key in names}

    spec = ControllerSpec(
        **pick("controller", ControllerSpec),
        adaptation=values["neuron"]["adaptation"],
        learning=LearningSpec(**pick("learning", LearningSpec)),
    )
    params = ControllerParams(
        **pick("controller", ControllerParams),
        oscillator=OscillatorParams(**pick("oscillator", OscillatorParams)),
        synapse=SynapseParams(**pick("synapse", SynapseParams)),
        neuron=NeuronParams(**pick("neuron", NeuronParams)),
        learning=LearningParams(**pick("learning", LearningParams)),
    )
    return spec, params
