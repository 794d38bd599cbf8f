"""Figures of a controller's synapses as it walks, from a `Recording`; with `draw`, of all that happens inside it.

Time is the controller's, of 33 ms per environment step. The chosen three synapses have the same color in every figure.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import FixedLocator, StrMethodFormatter

from dsjax.envs.task import Mode
from dsjax.errors import RunError
from dsjax.evaluation import recording
from dsjax.evaluation.controllers import load_controllers
from dsjax.evaluation.recording import Recording
from dsjax.plotting.oscillators import gait, neurons, oscillators
from dsjax.plotting.style import MAP, TIME, WIDTH, group_color, save, styled
from dsjax.plotting.synapse_names import Synapse, farthest, parse

# Where a figure's axes hold deviations of weights from their centers, in amplitudes.
_SWING = (-1.15, 1.15)
_MUCH = 1e-3  # from this change of the amplitude on it is drawn in percent
_FEW = 10  # crossings that are too few for a section or a return map to show a pattern
_CROSSING: Any = {"marker": "o", "linestyle": "", "color": "white", "markeredgecolor": "black", "markersize": 4.5}


def draw_run(
    run: Path, member: int = 0, snapshot: str = "latest", mode: Mode = "learning", terrain: int = 0, episodes: int = 1,
    synapses: Sequence[str] = (), output: Path | None = None,
) -> list[Path]:  # fmt: skip
    """Record episodes of one member and draw what happens inside its network.

    Args:
      run: run folder; or "pretrained:NAME", or a controller's file.
      member: which member.
      snapshot: "latest", "best" or a round.
      mode: how the controller acts.
      terrain: of the first episode, in the set test-v1; each next episode runs on the next one.
      episodes: how many.
      synapses: three to follow, as "layer:row,column"; `moved_farthest` if empty.
      output: folder; RUN/figures, or figures of a controller's file, if None.

    Returns:
      Paths of all files: the recording's first.

    Raises:
      RunError: there is no such run, snapshot, member, terrain or synapse, or the folder cannot be written.
    """
    chosen = [parse(text) for text in synapses]
    if chosen and (len(chosen) != 3 or len(set(chosen)) != 3):
        raise RunError(f"--synapses {' '.join(synapses)}: three different ones are needed")
    loaded = load_controllers(run, snapshot)
    folder = output or (run / "figures" if loaded.in_run() else Path("figures"))
    name = f"dynamics-member{member}" if loaded.in_run() else f"dynamics-{loaded.name}"
    try:
        folder.mkdir(parents=True, exist_ok=True)  # before the walk, which takes a while
        seen = recording.record(loaded, member, mode, terrain, episodes)
        seen.save(folder / f"{name}.npz")
        figures = draw(seen, chosen or moved_farthest(seen))
        drawn = [path for kind, figure in figures.items() for path in save(figure, folder, f"{name}-{kind}")]
    except OSError as error:
        raise RunError(f"{folder}: cannot write: {error.strerror or error}") from error
    return [folder / f"{name}.npz", *drawn]


def moved_farthest(seen: Recording) -> list[Synapse]:
    """Return, of each plastic layer that oscillates, the synapse whose center training has moved farthest."""
    return farthest(np.abs(seen.center[0] - seen.untrained_center), seen.negative_half, _swings(seen))


def draw(seen: Recording, chosen: Sequence[Synapse]) -> dict[str, Figure]:
    """Return all figures of a recording by name, following three synapses."""
    return {
        "weights": weights(seen, chosen),
        "trajectories": trajectories(seen, chosen),
        "oscillators": oscillators(seen),
        "neurons": neurons(seen),
        "gait": gait(seen),
    }


@styled
def weights(seen: Recording, chosen: Sequence[Synapse]) -> Figure:
    """Draw the chosen synapses' weights around their centers, with what moves and shapes them."""
    figure = Figure(figsize=(WIDTH, 8.6))
    axes = figure.subplots(6, 1, sharex=True, height_ratios=[1.4, 1.4, 1.4, 1, 0.8, 1])
    for number, synapse in enumerate(chosen):
        _weight(axes[number], seen, synapse, group_color(number))
    _modulator(axes[3], seen)
    _amplitude(axes[4], seen)
    _periods(axes[5], seen, chosen)
    axes[5].set_xlabel(TIME)
    for axis in axes:
        for start in seen.time[seen.starts][1:] / 1000:
            axis.axvline(start, color="gray", linewidth=0.8, linestyle=":")
    handles: list[Line2D | Patch] = [
        Line2D([], [], color="gray", label="weight"),
        Line2D([], [], color="black", label="center"),
    ]
    if seen.mode != "centers":
        handles += [
            Patch(color="gray", alpha=0.2, linewidth=0, label="center ± amplitude"),
            Line2D([], [], **_CROSSING, label="upward crossing"),
        ]
    if len(seen.outcome) > 1:
        handles.append(Line2D([], [], color="gray", linewidth=0.8, linestyle=":", label="next episode"))
    figure.legend(handles=handles, loc="outside lower center", ncols=5)
    figure.align_ylabels(axes)
    figure.suptitle(seen.title)
    return figure


def _weight(axis: Axes, seen: Recording, synapse: Synapse, color: str) -> None:
    seconds, at = seen.time / 1000, synapse.index
    center, crossings = seen.center[:, at], seen.crossings(at)
    if seen.mode != "centers":  # which stand still
        band = center - seen.amplitude[:, at], center + seen.amplitude[:, at]
        axis.fill_between(seconds, *band, color=color, alpha=0.15, linewidth=0)
    axis.plot(seconds, seen.weight[:, at], color=color)
    axis.plot(seconds, center, color="black")
    axis.plot(seconds[crossings], center[crossings], **_CROSSING)
    axis.set(ylabel="weight", title=synapse.name)


def _amplitude(axis: Axes, seen: Recording) -> None:
    """Draw how the amplitude changes: all synapses' alike, but layer 1 may have a share of it."""
    amplitude, first = seen.amplitude[:, -1], seen.amplitude[0]
    with np.errstate(invalid="ignore"):  # an amplitude of 0 does not change
        change = amplitude / amplitude[0] - 1
    unit, parts = ("%", 100) if np.abs(change).max() > _MUCH else ("ppm", 1e6)
    axis.plot(seen.time / 1000, parts * change, color="black")
    whose = f"{first[-1]:.4f} of all weights"
    if first[0] != first[-1]:
        of_layer_1 = f"{first[0]:.4f} of layer 1" if first[0] else "0 of layer 1, which rests (input_amplitude 0)"
        whose = f"{first[-1]:.4f} of layers 3 and 4, {of_layer_1}"
    axis.set(ylabel=f"change [{unit}]", title=f"change of the amplitude, at first {whose}")


def _modulator(axis: Axes, seen: Recording) -> None:
    """Draw what the synapses learn from; where they do not, the reward."""
    if seen.mode == "learning":
        values, name, title = seen.modulator, "modulator", "what the centers learn from, step by step"
    else:
        values, name, title = seen.reward, "reward", "reward, step by step; nothing learns from it"
    axis.plot(seen.time / 1000, values, color="black", linewidth=0.5)
    axis.set(ylabel=name, title=title)
    if values.min() < -10:  # a fall's -100 would flatten all else
        axis.set_yscale("symlog", linthresh=1, linscale=1)
        axis.yaxis.set_major_locator(FixedLocator([-100, -10, -1, 0, 1]))
        axis.yaxis.set_major_formatter(StrMethodFormatter("{x:g}"))


def _periods(axis: Axes, seen: Recording, chosen: Sequence[Synapse]) -> None:
    if np.isnan(seen.period).all():
        axis.set(ylabel="period [s]", title="weights of this kind follow no cycle of a drawn period")
        return
    swings = _swings(seen)
    those = swings if swings.any() else np.ones_like(swings)  # without an amplitude, periods pass all the same
    seconds, periods = seen.time / 1000, seen.period[:, those] / 1000
    quantiles = np.percentile(periods, (5, 25, 75, 95), axis=1)
    for low, high, alpha in ((0, 3, 0.15), (1, 2, 0.25)):
        axis.fill_between(seconds, quantiles[low], quantiles[high], color="black", alpha=alpha, linewidth=0)
    for number, synapse in enumerate(chosen):
        axis.step(seconds, seen.period[:, synapse.index] / 1000, color=group_color(number), where="post")
    which = "all 438 synapses" if those.all() else f"the {those.sum()} synapses that oscillate"
    share = f"middle 50 and 90 % of {which}"
    axis.set(ylabel="period [s]", title=f"period of the current cycle; gray: {share}")


@styled
def trajectories(seen: Recording, chosen: Sequence[Synapse]) -> Figure:
    """Draw the chosen weights' way in two and three dimensions, and the Poincaré map of the first one's crossings."""
    figure = Figure(figsize=(WIDTH, 7.4))
    plane, space = figure.add_subplot(2, 2, 1), figure.add_subplot(2, 2, 2, projection="3d")
    section, again = figure.add_subplot(2, 2, 3), figure.add_subplot(2, 2, 4)
    at, rows = [synapse.index for synapse in chosen], seen.crossings(chosen[0].index)
    panels: Any = (plane, at[:2]), (space, at)
    for axis, several in panels:
        way = seen.weight[:, several].T
        axis.scatter(*way, c=seen.time / 1000, cmap=MAP, s=2, linewidth=0, rasterized=True)
        axis.plot(*seen.center[:, several].T, color="black", linewidth=2, marker=".", markersize=3)
        axis.plot(*way[:, rows], **_CROSSING)
    plane.set(xlabel=f"weight {chosen[0].place}", ylabel=f"weight {chosen[1].place}", title="two weights")
    space.set(xlabel=chosen[0].place, ylabel=chosen[1].place, zlabel=chosen[2].place)
    space.set_title("all three", loc="center")
    space.locator_params(nbins=4, prune="both")  # ticks at the corners overlap
    for axis in (space.xaxis, space.yaxis, space.zaxis):
        axis.labelpad = 6  # or tick labels overlap the label
    space.set_box_aspect(None, zoom=0.8)  # or the labels are cut off
    _section(section, seen, chosen, rows)
    _return_map(again, seen, chosen, rows)
    figure.colorbar(plane.collections[0], ax=[section, again], location="bottom", shrink=0.5, aspect=40, label=TIME)
    handles = [
        Line2D([], [], color="black", linewidth=2, label="centers"),
        Line2D([], [], **_CROSSING, label=f"{chosen[0].name} crosses upwards"),
        *(Line2D([], [], color=group_color(n), marker="o", linestyle="", label=chosen[n].name) for n in (1, 2)),
    ]
    figure.legend(handles=handles, loc="outside lower center", ncols=2)
    figure.suptitle(seen.title)
    return figure


def _section(axis: Axes, seen: Recording, chosen: Sequence[Synapse], rows: np.ndarray) -> None:
    """Draw where the other two weights are in their swings, whenever the first one crosses its center upwards."""
    x, y = _deviation(seen, rows)[:, [synapse.index for synapse in chosen[1:]]].T
    for first in _followed(seen, rows):
        axis.plot(x[first : first + 2], y[first : first + 2], color="gray", linewidth=0.6, alpha=0.7, zorder=1)
    seconds = seen.time / 1000
    axis.scatter(x, y, c=seconds[rows], cmap=MAP, vmin=seconds[0], vmax=seconds[-1], s=22, zorder=2)
    labels = [f"(w - c) / A of {synapse.place}" for synapse in chosen[1:]]
    axis.set(xlim=_SWING, ylim=_SWING, xlabel=labels[0], ylabel=labels[1])
    axis.set_title(f"Poincaré section: {_crossings(len(rows))} of {chosen[0].place}")
    if len(rows) < _FEW:
        _note(axis, "few crossings:\nrecord more --episodes")


def _return_map(axis: Axes, seen: Recording, chosen: Sequence[Synapse], rows: np.ndarray) -> None:
    """Draw each weight's place in its swing at one crossing of the first one against that at the crossing before.

    On the diagonal are weights that keep in step with the first one; their own random periods scatter them.
    """
    place, followed = _deviation(seen, rows), _followed(seen, rows)
    others = np.setdiff1d(np.flatnonzero(_swings(seen)), [chosen[0].index])
    before, after = place[followed], place[followed + 1]
    axis.plot([-1, 1], [-1, 1], color="black", linewidth=0.8, linestyle="--")
    axis.scatter(before[:, others], after[:, others], s=3, color="gray", alpha=0.25, linewidth=0, rasterized=True)
    for number in (1, 2):
        at = chosen[number].index
        axis.scatter(before[:, at], after[:, at], s=18, color=group_color(number))
    axis.set(xlim=_SWING, ylim=_SWING, xlabel="(w - c) / A at a crossing", ylabel="at the next crossing")
    if len(followed):
        correlation = np.corrcoef(before[:, others].ravel(), after[:, others].ravel())[0, 1]
        axis.set_title(f"Return map; gray: all {len(others)} others, r = {correlation:.2f}")
    else:
        axis.set_title("Return map")
        _note(axis, "fewer than two crossings:\nrecord more --episodes")


def _note(axis: Axes, text: str) -> None:
    axis.text(0.03, 0.96, text, transform=axis.transAxes, va="top", color="0.4")


def _crossings(count: int) -> str:
    return f"{count} upward crossing" + ("" if count == 1 else "s")


def _deviation(seen: Recording, rows: np.ndarray) -> np.ndarray:
    """Return how far weights are from their centers at some rows, in amplitudes; nan for those that do not swing."""
    away, amplitude = seen.weight[rows] - seen.center[rows], seen.amplitude[rows]
    return np.divide(away, amplitude, out=np.full_like(away, np.nan), where=amplitude > 0)


def _swings(seen: Recording) -> np.ndarray:
    """Return which synapses' weights oscillate, (438,) bool."""
    return seen.amplitude[0] > 0


def _followed(seen: Recording, rows: np.ndarray) -> np.ndarray:
    """Return which of some crossings, by number, the next one follows on: not across phases drawn anew."""
    series = np.cumsum(seen.starts)[rows] if seen.mode == "oscillating" else np.zeros(len(rows))
    return np.flatnonzero(np.diff(series) == 0)
