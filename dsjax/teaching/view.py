"""What the page shows of a lesson: the walker, a dozen of its weights about their centers, and the modulator."""

from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from dsjax import learning, timing
from dsjax.config.schema import Config
from dsjax.controller import COUPLINGS, ControllerParams, ControllerSpec, ControllerState
from dsjax.plotting.synapse_names import Synapse
from dsjax.shapes import Array, Float
from dsjax.teaching.walkers import Moment

# The synapses of layer 4 that couple each joint to an oscillator and to its own angle and speed.
SHOWN = tuple(Synapse(4, row, column) for row, column, _ in COUPLINGS)
WIDTH = 20.0  # [m] of the part of the world in sight
_MARGIN = 2.0  # [m] of ground beyond it, which comes into sight before the next picture


class View:
    """The latest picture of a lesson, as JSON. One thread draws, another one reads."""

    def __init__(self, config: Config) -> None:
        """Prepare the view of a run of one member."""
        self.names = [synapse.name for synapse in SHOWN]
        self.picture: dict[str, Any] | None = None
        self._look = _make_look(config.spec())
        self._round = self._steps = self._length = 0
        self._return, self._strongest = 0.0, 0.0
        self._given = 0.0

    def begin_round(self, number: int) -> None:
        """Called before the first step of a round: all before it is saved."""
        self._round, self._steps = number, 0

    def count(self, moment: Moment) -> None:
        """Count a step."""
        if moment.begins:
            self._length, self._return = 0, 0.0
            return
        self._steps, self._length, self._return = self._steps + 1, self._length + 1, self._return + moment.task
        reward = moment.gift.of(moment.task)
        if abs(reward) >= abs(self._strongest):
            self._strongest = reward  # what comes between two pictures is not to be missed
        self._given = moment.gift.given or self._given

    def draw(self, moment: Moment) -> None:
        """Make the picture of a moment."""
        weights, centers, modulator, expected = (
            _finite(value) for value in self._look(moment.state.members, moment.params, self._strongest)
        )
        walker, left = moment.walker, float(moment.walker.scroll)
        self.picture = {
            "left": round(left, 3),
            "ground": [_polygon(points, color) for points, color in walker.terrain_poly if _in_sight(points, left)],
            "bodies": _bodies(walker),
            "weights": weights,
            "centers": centers,
            "modulator": modulator,
            "expected": expected,
            "given": self._given,
            "length": self._length,
            "return": round(self._return, 1),
            "round": self._round,
            "unsaved": self._steps,
        }  # fmt: skip
        self._strongest = self._given = 0.0


def _make_look(spec: ControllerSpec) -> Any:
    """Return a jitted function of a population of one: what to show of its synapses and its learning."""
    shown = jnp.array([synapse.index for synapse in SHOWN])

    @jax.jit
    def look(
        members: ControllerState, params: ControllerParams, reward: float
    ) -> tuple[Float[Array, " 12"], Float[Array, " 12"], Float[Array, ""], Float[Array, ""]]:
        state, params = jax.tree.map(lambda leaf: leaf[0], (members, params))
        now = learning.annealed(state.learning, params.learning)
        modulator = learning.modulator(jnp.asarray(reward, state.action.dtype), spec.learning, now)
        expected = learning.expectation(state.learning, jnp.mean(jnp.abs(state.action)), now)
        if state.learning.timing is not None:
            expected += timing.expected(state.learning.timing)
        return state.synapses.weight[shown], state.synapses.center[shown], modulator, expected

    return look


def _finite(values: Array) -> Any:
    """Return an array as JSON has it, with None for what is not finite."""
    found = np.asarray(values, object)
    found[~np.isfinite(np.asarray(values))] = None
    return found.tolist()


def _bodies(walker: Any) -> list[dict[str, Any]]:
    """Return the polygons of hull and legs, those in front last."""
    bodies = [body for body in walker.drawlist if body in (walker.hull, *walker.legs)]
    return [
        _polygon([body.transform * vertex for vertex in fixture.shape.vertices], body.color1)
        for body in bodies
        for fixture in body.fixtures
    ]


def _in_sight(points: Sequence[Any], left: float) -> bool:
    xs = [x for x, _ in points]
    return max(xs) > left - _MARGIN and min(xs) < left + WIDTH + _MARGIN


def _polygon(points: Sequence[Any], color: Any) -> dict[str, Any]:
    red, green, blue = (int(part) for part in color)
    return {"points": [[round(x, 3), round(y, 3)] for x, y in points], "color": f"rgb({red} {green} {blue})"}
