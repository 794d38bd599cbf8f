"""The two published controllers, as numbers.

`iros2018` is the code published with Wei & Webb, IROS 2018; `readme` is the later "Dynamic Synapse Neural Network for
Bipedal Walking". One implementation runs both.
"""

import math

from dsjax.controller import ControllerParams, ControllerSpec
from dsjax.learning import LearningParams, LearningSpec
from dsjax.neuron import NeuronParams
from dsjax.oscillator import OscillatorParams
from dsjax.synapse import SynapseParams

_OSCILLATOR = OscillatorParams(recovery=0.08, recovery_gain=2.0, recovery_decay=0.8, rate=0.02, coupling=0.0)
_SYNAPSE = SynapseParams(amplitude=0.2, period=20000.0, period_cv=0.1, center_range=0.2)

_RULE = LearningParams(
    learning_rate=1.2e-5,
    amplitude_decay=3e-9,
    fade_rate=0.0,
    fade_reward=math.inf,
    momentum=0.9,
    baseline_time=math.inf,
    effort=0.0,
    averaging_time=0.0,
    floor=-math.inf,
)

PRESETS = {
    "iros2018": (
        ControllerSpec(),
        ControllerParams(
            hull_scale=math.pi / 2,
            input_amplitude=1.0,
            oscillator=_OSCILLATOR,
            synapse=_SYNAPSE,
            neuron=NeuronParams(sensitivity=0.5, rate=1e-6, target=0.3, minimum=0.0, maximum=math.inf),
            learning=_RULE,
        ),
    ),
    "readme": (
        ControllerSpec(
            negative_half=True,
            squash_inputs=False,
            oscillators_first=True,
            reset_at_episode=True,
            deliver_last_reward=False,
            learning=LearningSpec(signed_decay=False),
        ),
        ControllerParams(
            hull_scale=1 / (2 * math.pi),
            input_amplitude=1.0,
            oscillator=_OSCILLATOR,
            synapse=_SYNAPSE,
            neuron=NeuronParams(sensitivity=0.5, rate=1e-6, target=0.3, minimum=1e-3, maximum=5.0),
            learning=_RULE._replace(learning_rate=1.2e-4, amplitude_decay=3e-8),
        ),
    ),
}


def preset(name):
    """Return the (ControllerSpec, ControllerParams) of a published controller.

    Raises:
      ValueError: there is no such preset.
    """
    if name not in PRESETS:
        raise ValueError(f"no preset {name!r}; there are {', '.join(PRESETS)}")
    return PRESETS[name]
