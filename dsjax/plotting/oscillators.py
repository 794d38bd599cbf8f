"""Figures of a controller's oscillators, neurons and gait as it walks.

Time is the controller's, of 33 ms per environment step.
"""

import jax.numpy as jnp
import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from dsjax import oscillator
from dsjax.controller import TIME_STEP
from dsjax.envs.task import CONTACTS
from dsjax.evaluation.recording import Recording
from dsjax.oscillator import OscillatorState
from dsjax.plotting.style import MAP, TIME, WIDTH, group_color, group_line, styled
from dsjax.plotting.synapse_names import ANGLES

_WALKER_STEP = 20.0  # [ms] of simulated time per environment step: BipedalWalker has 50 in a second
_CLOSE_UP = 240  # steps: some ten strides
_LARGEST = 0.9  # place in the map of colors of the largest input: the very end is faint on white


@styled
def oscillators(seen: Recording) -> Figure:
    """Draw each oscillator's rhythm in a close-up, and all of its way in the phase plane."""
    figure = Figure(figsize=(WIDTH, 6.8))
    axes = figure.subplots(2, 2, width_ratios=[1.2, 1], sharex="col")
    rows, close_up = _close_up(seen)
    # What drives an oscillator besides its input is its coupling to the others.
    coupling = seen.oscillator.coupling
    drive = seen.current - coupling * (seen.v.sum(axis=1, keepdims=True) - seen.v)
    for number, (rhythm, phase) in enumerate(axes):
        color = group_color(number)
        rhythm.plot(seen.time[rows] / 1000, seen.v[rows, number], color=color)
        rhythm.plot(seen.time[rows] / 1000, seen.w[rows, number], color=color, linestyle="--")
        rhythm.plot(seen.time[rows] / 1000, seen.current[rows, number], color="black", linewidth=0.8)
        rhythm.set(ylabel="v, w, I", title=f"oscillator {number}, {close_up}")
        way = _phase_portrait(phase, seen, drive[:, number], number)
        figure.colorbar(way, ax=phase, label="input I" if not coupling else "input I, with coupling")
    axes[1, 0].set_xlabel(TIME)
    axes[1, 1].set_xlabel("v")
    handles = [
        Line2D([], [], color="gray", label="v"),
        Line2D([], [], color="gray", linestyle="--", label="w"),
        Line2D([], [], color="black", linewidth=0.8, label="input I"),
        Line2D([], [], color="black", linestyle=":", label="dw/dt = 0"),
        Line2D([], [], color=MAP(0.0), linestyle="--", label="dv/dt = 0 at the smallest I"),
        Line2D([], [], color=MAP(_LARGEST), linestyle="--", label="dv/dt = 0 at the largest I"),
    ]
    figure.legend(handles=handles, loc="outside lower center", ncols=3)
    figure.suptitle(seen.title)
    return figure


def _phase_portrait(axis: Axes, seen: Recording, drive: np.ndarray, number: int) -> LineCollection:
    """Draw an oscillator's way in the plane of v and w, colored by its drive, over field and nullclines."""
    v, w = seen.v[:, number], seen.w[:, number]
    reach = 1.15 * max(np.abs(v).max(), np.abs(w).max(), 1.0)
    line = np.linspace(-reach, reach, 81)
    low, middle, high = np.nanmin(drive), np.nanmedian(drive), np.nanmax(drive)
    x, y = np.meshgrid(line[::2], line[::2])
    alone = seen.oscillator._replace(coupling=0.0)  # the drive has it already
    field = oscillator.field(OscillatorState(jnp.asarray(x), jnp.asarray(y)), float(middle), alone)
    axis.streamplot(x, y, np.asarray(field.v), np.asarray(field.w), color="0.8", linewidth=0.5, arrowsize=0.6)
    points = np.column_stack([v, w])
    joined = ~seen.starts[1:] | (seen.mode == "learning")  # elsewhere each episode starts from rest
    way = LineCollection(list(np.stack([points[:-1], points[1:]], axis=1)[joined]), cmap=MAP, linewidth=0.8)
    way.set_array(drive[1:][joined])
    way.set_clim(low, high)
    way.set_rasterized(True)
    axis.add_collection(way)
    for current, color in ((low, MAP(0.0)), (high, MAP(_LARGEST))):
        axis.plot(line, line - line**3 + current, color=color, linestyle="--", linewidth=1.4)
    axis.plot(line, alone.recovery_gain / alone.recovery_decay * line, color="black", linestyle=":", linewidth=1.4)
    axis.set(xlim=(-reach, reach), ylim=(-reach, reach), ylabel="w")
    axis.set_title(f"I from {low:.2f} to {high:.2f}; field at {middle:.2f}")
    return way


@styled
def neurons(seen: Recording) -> Figure:
    """Draw the neurons' activity, in a close-up and on average, and how their sensitivity adapts to it."""
    figure = Figure(figsize=(WIDTH, 5.8))
    (close, mean), (change, names) = figure.subplots(2, 2, width_ratios=[3.2, 1])
    numbers, (rows, close_up) = range(seen.activity.shape[1]), _close_up(seen)
    edges = (*seen.time[rows] / 1000, seen.time[rows][-1] / 1000 + TIME_STEP / 1000)
    mesh = close.pcolormesh(
        edges, np.append(numbers, len(numbers)) - 0.5, seen.activity[rows].T, cmap=MAP, vmin=0, vmax=1, rasterized=True
    )
    close.set(ylabel="neuron", yticks=numbers, xlabel=TIME, title=f"activity, {close_up}")
    close.grid(visible=False)
    figure.colorbar(mesh, ax=close, label="activity", pad=0.02)
    colors = [group_color(number) for number in numbers]
    mean.barh(numbers, np.nanmean(seen.activity, axis=0), color=colors, height=0.6)
    mean.axvline(seen.target, color="black", linestyle="--")
    mean.set(ylim=close.get_ylim(), yticks=numbers, xlim=(0, 1), xlabel="mean activity", title="dashed: target")
    for number, color in zip(numbers, colors, strict=True):
        sensitivity = seen.sensitivity[:, number]
        label = f"neuron {number}: {sensitivity[0]:.3g}"
        percent = 100 * (sensitivity / sensitivity[0] - 1)
        change.plot(seen.time / 1000, percent, color=color, linestyle=group_line(number), label=label)
    adapts = "up where a neuron is too quiet" if seen.mode == "learning" else "nothing adapts"
    change.set(ylabel="change [%]", xlabel=TIME, title=f"sensitivity since the start: {adapts}")
    names.axis("off")
    names.legend(*change.get_legend_handles_labels(), loc="center left", title="sensitivity at first")
    figure.suptitle(seen.title)
    return figure


@styled
def gait(seen: Recording) -> Figure:
    """Draw joint angles and actions in a close-up and, as a gait diagram, when each leg is on the ground."""
    figure = Figure(figsize=(WIDTH, 7.2))
    axes = figure.subplots(5, 1, sharex=True, height_ratios=[1, 1, 1, 1, 0.6])
    rows, close_up = _close_up(seen)
    seconds = seen.time[rows] / 1000
    for leg in (0, 1):
        for place in (0, 1):
            joint = 2 * leg + place
            axes[place].plot(seconds, seen.observation[rows, ANGLES[joint]], color=group_color(leg))
            axes[2 + place].plot(seconds, seen.action[rows, joint], color=group_color(leg))
    _footfall(axes[4], seen, rows, seconds)
    titles = f"hip angle, {close_up}", "knee angle, as observed: 1 rad added", "hip action", "knee action"
    labels = "[rad]", "[rad]", "share of torque", "share of torque"
    for axis, title, label in zip(axes, titles, labels, strict=False):
        axis.set(title=title, ylabel=label)
    for axis in axes[2:4]:
        axis.set_ylim(-1.08, 1.08)
    axes[4].set_xlabel(f"{TIME}, {TIME_STEP:g} ms per step, for {_WALKER_STEP:g} ms of the walker's own")
    figure.align_ylabels(axes)
    handles = [Line2D([], [], color=group_color(leg), label=f"leg {leg + 1}") for leg in (0, 1)]
    figure.legend(handles=handles, loc="outside lower center", ncols=2)
    figure.suptitle(seen.title)
    return figure


@styled
def gait_diagram(seen: Recording) -> Figure:
    """Draw when each leg is on the ground, in a close-up, in the walker's own time."""
    figure = Figure(figsize=(WIDTH, 1.3))
    axis = figure.subplots()
    rows, _ = _close_up(seen)
    _footfall(axis, seen, rows, np.arange(rows.start, rows.stop) * _WALKER_STEP / 1000)
    axis.set_xlabel("time [s]")
    return figure


def _footfall(axis: Axes, seen: Recording, rows: slice, seconds: np.ndarray) -> None:
    """Draw a bar wherever a leg is on the ground, pale where the walker does not sense it."""
    step = seconds[1] - seconds[0] if len(seconds) > 1 else 0
    sensed = seen.observation[:, CONTACTS] > 0
    for leg in (0, 1):
        for there, alpha in ((seen.touching & ~sensed, 0.35), (sensed, 1.0)):
            bars = [(second, step) for second in seconds[there[rows, leg]]]
            axis.broken_barh(bars, (0.65 - leg, 0.7), color=group_color(leg), alpha=alpha, linewidth=0)
    title = f"leg on the ground, pale where not sensed; of all steps: {_shares(seen.touching)}"
    axis.set(yticks=[1, 0], yticklabels=["leg 1", "leg 2"], ylim=(-0.5, 1.5), title=title)
    axis.grid(axis="y", visible=False)


def _shares(touching: np.ndarray) -> str:
    """Return for how much of the time the legs were on the ground, in words."""
    one, two, both, none = (
        f"{100 * np.mean(when):.0f} %" for when in (*touching.T, touching.all(axis=1), ~touching.any(axis=1))
    )
    return f"leg 1 {one}, leg 2 {two}, both {both}, neither {none}"


def _close_up(seen: Recording) -> tuple[slice, str]:
    """Return some rows from the middle of the longest episode, and what to call them."""
    number = int(np.argmax(seen.lengths))
    rows = seen.episodes[number]
    start = max(rows.start, (rows.start + rows.stop - _CLOSE_UP) // 2)
    rows = slice(start, min(start + _CLOSE_UP, rows.stop))
    episode = f" of episode {number}" if len(seen.outcome) > 1 else ""
    return rows, f"{rows.stop - rows.start} steps{episode}"
