"""Names of the controller's synapses, by what they connect; see `controller` for the layers."""

from dataclasses import dataclass

import numpy as np

from dsjax.controller import LAYERS, NEURONS, OSCILLATORS
from dsjax.errors import RunError

JOINTS = ("hip 1", "knee 1", "hip 2", "knee 2")  # in the order of the actions
_LEG = ("hip {} angle", "hip {} speed", "knee {} angle", "knee {} speed", "contact {}")
# BipedalWalker's first 14 observations.
SENSES = (
    *("hull angle", "hull turning", "speed ahead", "speed up"),
    *(sense.format(leg) for leg in (1, 2) for sense in _LEG),
)
ANGLES = tuple(SENSES.index(f"{joint} angle") for joint in JOINTS)

_BIAS = "bias"
_INPUTS = (
    *(f"{sense} > 0" for sense in SENSES),
    *(f"{sense} < 0" for sense in SENSES),
    *(f"lidar {beam}" for beam in range(10)),
    _BIAS,
    *(f"last {joint} action" for joint in JOINTS),
)
_NEURONS = tuple(f"neuron {number}" for number in range(NEURONS))
_FROM = {
    1: _INPUTS,
    3: (*_NEURONS, _BIAS),
    4: (*(f"{x} {number}" for x in "vw" for number in range(OSCILLATORS)), *SENSES, _BIAS),
}
_TO = {1: _NEURONS, 3: tuple(f"oscillator {number}" for number in range(OSCILLATORS)), 4: JOINTS}
_FIRST = dict(zip(_FROM, np.cumsum([0, *(rows * columns for rows, columns in LAYERS)]).tolist(), strict=False))


@dataclass(frozen=True)
class Synapse:
    """A place in a plastic layer."""

    layer: int  # 1, 3 or 4
    row: int  # output
    column: int  # input

    @property
    def index(self) -> int:
        """Its place in a controller's flat arrays of 438."""
        return _FIRST[self.layer] + self.row * len(_FROM[self.layer]) + self.column

    @property
    def place(self) -> str:
        """Its layer, row and column, as `parse` reads them."""
        return f"{self.layer}:{self.row},{self.column}"

    @property
    def name(self) -> str:
        """What it connects, and its place."""
        start, end = _FROM[self.layer][self.column], _TO[self.layer][self.row]
        return f"{start} → {end} ({self.place})"


def parse(text: str) -> Synapse:
    """Return the synapse that "layer:row,column" says.

    Raises:
      RunError: there is none.
    """
    layer, _, place = text.partition(":")
    row, _, column = place.partition(",")
    if not all(part.isascii() and part.isdigit() for part in (layer, row, column)):
        raise RunError(f"--synapses {text}: must be layer:row,column, such as 4:0,2")
    synapse = Synapse(int(layer), int(row), int(column))
    if synapse.layer not in _FROM:
        raise RunError(f"--synapses {text}: the layers with synapses are {', '.join(map(str, _FROM))}")
    rows, columns = len(_TO[synapse.layer]), len(_FROM[synapse.layer])
    if synapse.row >= rows or synapse.column >= columns:
        raise RunError(f"--synapses {text}: layer {layer} has rows 0 to {rows - 1} and columns 0 to {columns - 1}")
    return synapse


def farthest(moved: np.ndarray, negative_half: bool, swings: np.ndarray) -> list[Synapse]:
    """Return three synapses to follow: of each plastic layer the one that moved farthest.

    Args:
      moved: (438,) how far each synapse's center moved.
      negative_half: see ControllerSpec. Without it half of layer 1's senses are dead, and their synapses left out.
      swings: (438,) bool, whether a synapse's weight oscillates. In place of a layer that does not, the farthest of the
        others follows; where none does, all count.
    """
    everything = [
        Synapse(layer, row, column)
        for layer, inputs in _FROM.items()
        for row in range(len(_TO[layer]))
        for column, name in enumerate(inputs)
        if negative_half or not name.endswith("< 0")
    ]
    alive = [synapse for synapse in everything if swings[synapse.index]] or everything
    ranked = sorted(alive, key=lambda synapse: -moved[synapse.index])
    first = {layer: next((s for s in ranked if s.layer == layer), None) for layer in _FROM}
    found = [synapse for synapse in first.values() if synapse]
    rest = [synapse for synapse in ranked if synapse not in found]
    return sorted(found + rest[: 3 - len(found)], key=lambda synapse: synapse.layer)
