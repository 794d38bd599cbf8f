"""What every kind of fluctuation can do: the learning rule, the controller and a population ask for no more.

A kind says in its own terms what its amplitude is and how it fades. `synapse` is the published one, whose weights swing
along a sine; `noise` is its plain control; `receptors` is the model that the sine stands in for.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

from dsjax import noise, synapse
from dsjax.shapes import Array, Key, Scalar
from dsjax.synapse import SynapseParams

__all__ = ["NOISE", "SINUSOID", "Kind", "step"]


class Kind(NamedTuple):
    """The functions of one kind. Its states are NamedTuples of arrays, with `center` and `weight` among them.

    Arguments and results are as of the functions of the same names in `synapse`. Params are SynapseParams; a kind takes
    of them what it needs.
    """

    init: Callable[..., Any]  # (key, shape, params, dtype) -> state
    at_center: Callable[..., Any]  # (state, center, params) -> state
    draw: Callable[..., Any]  # (key, state, params) -> state: all that is random, ahead of its use
    advance: Callable[..., Any]  # (state, params, dt) -> state
    renew: Callable[..., Any]  # (state, last weight) -> state: what was drawn comes into use, where it is time
    fade: Callable[..., Any]  # (state, amount) -> state
    faded: Callable[..., Any]  # (state) -> sum of all amounts so far, ()
    amplitude: Callable[..., Any]  # (state, params) -> how far weights swing, shaped as params.amplitude
    scatter: Callable[..., Any]  # (key, state, params) -> state as at some other time, its center and fading kept


def step(key: Key[Array, ""], state: Any, params: SynapseParams, dt: Scalar, kind: Kind) -> Any:
    """Advance synapses of a kind by dt without learning; see `synapse.step`."""
    state = kind.draw(key, state, params)
    return kind.renew(kind.advance(state, params, dt), state.weight)


SINUSOID = Kind(
    synapse.init, synapse.at_center, synapse.draw_periods, synapse.advance, synapse.renew, synapse.fade, synapse.faded,
    synapse.amplitude, synapse.scatter,
)  # fmt: skip
NOISE = Kind(
    noise.init, noise.at_center, noise.draw, noise.advance, noise.renew, synapse.fade, synapse.faded, noise.amplitude,
    noise.scatter,
)  # fmt: skip
