"""Diagrams that explain the model: the controller's layers, and one synapse as it learns."""

from functools import partial

import jax
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import FancyBboxPatch

from dsjax import controller, learning, observation, synapse
from dsjax.hyperparameters import LearningParams, LearningSpec, SynapseParams
from dsjax.plotting.style import WIDTH, group_color, styled

_PLASTIC, _FIXED = "#d9e8f5", "#f2f2f2"
_GOAL = 0.4


@styled
def controller_diagram() -> Figure:
    """Draw the four layers, with the number of lines between them: plastic ones, whose synapses learn, in blue."""
    (first, inputs), (third, _), (last, joints) = controller.LAYERS
    figure = Figure(figsize=(WIDTH, 2.8))
    axis = figure.subplots()
    axis.set(xlim=(0, 100), ylim=(-3, 40))
    axis.set_axis_off()
    boxes = {
        "senses": (
            0,
            15,
            15,
            12,
            f"{observation.OBSERVATIONS} observations\n{controller.ACTIONS} last torques",
            _FIXED,
        ),
        "layer 1": (21, 15, 16, 12, f"layer 1\n{first} x {inputs} synapses", _PLASTIC),
        "layer 2": (43, 15, 16, 12, f"layer 2\n{first} neurons,\nadaptive sensitivity", _FIXED),
        "layer 3": (65, 15, 14, 12, f"layer 3\n{third} x {first + 1} synapses", _PLASTIC),
        "oscillators": (64, 0, 16, 10, f"{controller.OSCILLATORS} oscillators\n(FitzHugh-Nagumo)", _FIXED),
        "layer 4": (85, 7, 15, 12, f"layer 4\n{last} x {joints} synapses", _PLASTIC),
    }
    for x, y, width, height, text, color in boxes.values():
        _box(axis, x, y, width, height, text, color)
    for start, end in (((15, 21), (21, 21)), ((37, 21), (43, 21)), ((59, 21), (65, 21)), ((72, 15), (72, 10))):
        _arrow(axis, start, end)
    _arrow(axis, (80, 5), (85, 11))
    axis.annotate("currents", (72.7, 12.5), va="center", fontsize="small")
    axis.annotate("v, w", (81, 4), va="center", fontsize="small")
    # Joints, hull and contacts reach the last layer directly.
    axis.plot([7.5, 7.5, 92.5], [27, 34, 34], color="black", linewidth=1)
    _arrow(axis, (92.5, 34), (92.5, 19))
    axis.annotate(
        f"{observation.PROPRIOCEPTIVE} observations of joints, hull and contacts",
        (50, 35),
        ha="center",
        fontsize="small",
    )
    _arrow(axis, (92.5, 7), (92.5, 1.5))
    axis.annotate(f"{controller.ACTIONS} torques", (92.5, -1), ha="center", va="center", fontsize="small")
    axis.annotate("reward moves the centers of all blue layers", (0, 4), color=group_color(0))
    return figure


def _box(axis: Axes, x: float, y: float, width: float, height: float, text: str, color: str) -> None:
    style = "round,pad=0,rounding_size=1.2"
    axis.add_patch(FancyBboxPatch((x, y), width, height, style, facecolor=color, edgecolor="black", linewidth=0.8))
    axis.annotate(text, (x + width / 2, y + height / 2), ha="center", va="center", fontsize=7.5)


def _arrow(axis: Axes, start: tuple[float, float], end: tuple[float, float]) -> None:
    axis.annotate("", end, start, arrowprops={"arrowstyle": "-|>", "linewidth": 1, "shrinkA": 0, "shrinkB": 0})


_SYNAPSE = SynapseParams(amplitude=0.3, period=20_000.0, period_cv=0.1, center_range=0.0)
_SPEC = LearningSpec(signed_decay=False)
_LEARNING = LearningParams(learning_rate=4e-4, amplitude_decay=0.0, fade_rate=2.5e-6, baseline_time=60_000.0)


@partial(jax.jit, static_argnames="steps")
def teach(key: jax.Array, steps: int, goal: float = _GOAL) -> dict[str, jax.Array]:
    """Teach one synapse a weight: its reward is -(weight - goal)^2.

    Args:
      key: PRNG key.
      steps: of 33 ms.
      goal: weight that earns most.

    Returns:
      {"weight", "center", "amplitude", "modulator"}: (steps,) each; the modulator is the reward less the expected one.
    """

    def tick(state: tuple, key: jax.Array) -> tuple[tuple, dict[str, jax.Array]]:
        learned, synapses = state
        synapses = synapse.draw_periods(key, synapses, _SYNAPSE)
        reward = -((synapses.weight - goal) ** 2)
        seen = {
            "weight": synapses.weight,
            "center": synapses.center,
            "amplitude": synapse.amplitude(synapses, _SYNAPSE),
            "modulator": reward - learning.expectation(learned, 0.0, _LEARNING),
        }
        state = learning.step(learned, synapses, reward, 0.0, _SPEC, _LEARNING, _SYNAPSE, controller.TIME_STEP)
        return state, seen

    first, *_ = keys = jax.random.split(key, 1 + steps)
    synapses = synapse.init(first, (), _SYNAPSE)
    start = learning.init(synapses, _SPEC, _LEARNING), synapses
    return jax.lax.scan(tick, start, keys[1:])[1]


@styled
def learning_figure(seconds: float = 600.0) -> Figure:
    """Draw one synapse that learns a weight from reward alone: the weight, its center, and the modulator."""
    seen = teach(jax.random.key(3), int(seconds * 1000 / controller.TIME_STEP))
    time = np.arange(len(seen["weight"])) * controller.TIME_STEP / 1000
    figure = Figure(figsize=(WIDTH, 3.4))
    above, below = figure.subplots(2, 1, sharex=True, height_ratios=[3, 2])
    above.plot(time, seen["weight"], color=group_color(5), linewidth=0.8, label="weight")
    above.plot(time, seen["center"], color=group_color(0), linewidth=2, label="center")
    above.axhline(_GOAL, color="black", linestyle="--", linewidth=0.8, label="best weight")
    above.set_ylabel("weight")
    below.plot(time, seen["modulator"], color=group_color(1), linewidth=0.8)
    below.axhline(0, color="black", linewidth=0.6)
    below.set(xlabel="controller time [s]", ylabel="reward less\nexpected reward", xlim=(0, seconds))
    figure.legend(loc="outside upper center", ncols=3)
    return figure
