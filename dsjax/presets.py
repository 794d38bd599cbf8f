"""Controllers by name: the two published ones, and trained ones that ship with dsjax.

`iros2018` is the code published with Wei & Webb, IROS 2018; `readme` is the later "Dynamic Synapse Neural Network for
Bipedal Walking". One implementation runs both. A preset states, by section and key of a config, what the declarations
in `hyperparameters` leave open or where it differs from their defaults.
"""

import dataclasses
import math
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zipfile import BadZipFile

from dsjax.hyperparameters import (
    ControllerParams,
    ControllerSpec,
    LearningParams,
    LearningSpec,
    NeuronParams,
    OscillatorParams,
    SynapseParams,
)

if TYPE_CHECKING:
    from dsjax.controller import ControllerState

__all__ = ["PRESETS", "controller_of", "load", "preset", "trained"]

# What a config's sections hold, in their order: the keys of the structure, then the numbers.
SECTIONS: dict[str, tuple[type, ...]] = {
    "controller": (ControllerSpec, ControllerParams),
    "oscillator": (OscillatorParams,),
    "synapse": (SynapseParams,),
    "neuron": (NeuronParams,),
    "learning": (LearningSpec, LearningParams),
}
MOVED = {"adaptation": "neuron", "fluctuation": "synapse"}  # keys of a ControllerSpec that are in another section
FOLDER = Path(__file__).parent / "pretrained"  # of the trained controllers that ship with dsjax
PREFIX = "pretrained:"  # of the names of these

_OSCILLATOR = {"recovery": 0.08, "recovery_gain": 2.0, "recovery_decay": 0.8, "rate": 0.02}
_SYNAPSE = {"amplitude": 0.2, "period": 20000.0, "period_cv": 0.1, "center_range": 0.2}
_NEURON = {"adaptation": "nonlinear", "sensitivity": 0.5, "rate": 1e-6, "target": 0.3}

_STATED: dict[str, dict[str, dict[str, Any]]] = {
    "iros2018": {
        "controller": {"hull_scale": math.pi / 2},
        "oscillator": _OSCILLATOR,
        "synapse": _SYNAPSE,
        "neuron": _NEURON,
        "learning": {"learning_rate": 1.2e-5, "amplitude_decay": 3e-9},
    },
    "readme": {
        "controller": {
            "hull_scale": 1 / (2 * math.pi),
            "negative_half": True,
            "squash_inputs": False,
            "oscillators_first": True,
            "reset_at_episode": True,
            "deliver_last_reward": False,
        },
        "oscillator": _OSCILLATOR,
        "synapse": _SYNAPSE,
        "neuron": _NEURON | {"minimum": 1e-3, "maximum": 5.0},
        "learning": {"signed_decay": False, "learning_rate": 1.2e-4, "amplitude_decay": 3e-8},
    },
}


def _defaults(declared: type) -> dict[str, Any]:
    """Return the defaults of a declaration's own keys, leaving out the parts that have sections of their own."""
    if dataclasses.is_dataclass(declared):
        named = {field.name: field.default for field in dataclasses.fields(declared)}
    else:
        named = dict(declared._field_defaults)  # type: ignore[attr-defined]
    return {key: value for key, value in named.items() if key not in SECTIONS and value is not dataclasses.MISSING}


def _whole(stated: Mapping[str, Mapping[str, Any]]) -> dict[str, dict[str, Any]]:
    """Return a preset with every key of every section."""
    whole: dict[str, dict[str, Any]] = {section: {} for section in SECTIONS}
    for section, parts in SECTIONS.items():
        for part in parts:
            for key, value in _defaults(part).items():
                whole[MOVED.get(key, section)][key] = value
    return {section: defaults | dict(stated[section]) for section, defaults in whole.items()}


PRESETS = {name: _whole(stated) for name, stated in _STATED.items()}


def preset(name: str) -> tuple[ControllerSpec, ControllerParams]:
    """Return the structure and the hyperparameters of a published controller.

    Raises:
      ValueError: there is no such preset.
    """
    if name not in PRESETS:
        raise ValueError(f"no preset {name!r}; there are {', '.join(PRESETS)}")
    return controller_of(PRESETS[name])


def controller_of(values: Mapping[str, Mapping[str, Any]]) -> tuple[ControllerSpec, ControllerParams]:
    """Return the structure and the hyperparameters of the controller that a config's sections state.

    Args:
      values: by section and key, as in `PRESETS`.
    """

    def pick(section: str, target: Any) -> dict[str, Any]:
        names = target._fields if hasattr(target, "_fields") else target.__dataclass_fields__
        return {key: value for key, value in values[section].items() if key in names}

    spec = ControllerSpec(
        **pick("controller", ControllerSpec),
        **{key: values[section][key] for key, section in MOVED.items() if key in values[section]},
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


def trained() -> list[str]:
    """Return the names of the trained controllers that ship with dsjax."""
    return sorted(path.stem for path in FOLDER.glob("*.npz"))


def load(name: str | Path) -> "tuple[ControllerSpec, ControllerParams, ControllerState]":
    """Return a trained controller: its structure, its hyperparameters, and its state with all that it has learned.

    Args:
      name: "pretrained:NAME", or NAME alone, of one in `trained`; or the path of a file that `dsjax export` wrote.

    Raises:
      ValueError: there is no such controller, or its file is damaged or of an older format.
    """
    import jax

    from dsjax import controller

    path = _path_of(name)
    spec, params, arrays = _read(path)

    def untrained() -> "ControllerState":
        return controller.init(jax.random.key(0), spec, params)

    leaves, tree = jax.tree_util.tree_flatten_with_path(jax.eval_shape(untrained))
    names = ["members." + jax.tree_util.keystr(place, simple=True, separator=".") for place, _ in leaves]
    if missing := [key for key in names if key not in arrays]:
        raise ValueError(f"{path}: an older dsjax wrote it, without {missing[0]}; export the controller again")
    # The file holds a population of one.
    return spec, params, jax.tree_util.tree_unflatten(tree, [jax.numpy.asarray(arrays[key][0]) for key in names])


def _path_of(name: str | Path) -> Path:
    text = str(name)
    if text.endswith(".npz"):
        return Path(text)
    path = FOLDER / f"{text.removeprefix(PREFIX)}.npz"
    if not path.is_file():
        raise ValueError(f"no trained controller {text!r}; there are {', '.join(trained())}")
    return path


def _read(path: Path) -> tuple[ControllerSpec, ControllerParams, dict[str, Any]]:
    """Return the structure, hyperparameters and arrays of a controller's file."""
    import numpy as np

    try:
        with open(path, "rb") as file, np.load(file) as stored:
            arrays = {key: stored[key] for key in stored.files}
        spec, params = controller_of(tomllib.loads(str(arrays["config"])))
    except (OSError, ValueError, KeyError, BadZipFile) as error:
        raise ValueError(f"{path}: is no controller's file, or damaged: {error}") from None
    return spec, params, arrays
