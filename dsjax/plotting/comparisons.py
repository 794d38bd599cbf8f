"""Figures that compare groups of members, and the progress of one. Colors: groups by number, members by index."""

from collections.abc import Iterator, Sequence
from itertools import combinations
from textwrap import fill
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import EngFormatter

from dsjax.analysis.comparison import Comparison, Group
from dsjax.analysis.curves import Curve, frozen_curve, training_curve
from dsjax.analysis.members import RULES, Member
from dsjax.analysis.stats import improvement, profile, survival, trailing_mean
from dsjax.envs.task import SOLVED_EPISODES, SOLVED_RETURN
from dsjax.plotting.style import WIDTH, group_color, group_line, legend_text, member_color, steps_axis, styled

_LEARNING = "return, oscillating and learning"
_FROZEN = "return, frozen centers"
_TIME = {"step": "environment steps", "episode": "episodes"}


def comparison_figures(comparison: Comparison) -> Iterator[tuple[str, Figure]]:
    """Yield (name, Figure) of all that a comparison can be drawn from: what it has no records for is left out."""
    yield "training-steps", training_curves(comparison)
    yield "training-episodes", training_curves(comparison, "episode")
    yield "solved", solved_over_time(comparison)
    evaluated = [group for group in comparison.groups if len(group.scores())]
    if evaluated:
        yield "frozen-steps", frozen_curves(comparison)
        yield "final-returns", final_returns(comparison)
        yield "profile", score_profile(comparison)
    if len(evaluated) > 1:
        yield "improvement", improvements(comparison)


@styled
def training_curves(comparison: Comparison, unit: str = "step") -> Figure:
    """Draw the members' mean return of their last 100 training episodes, over one of `members.UNITS`."""
    end = comparison.last(unit)
    curves = [training_curve(group, unit, end) for group in comparison.groups]
    title = f"Training: mean of each member's last {SOLVED_EPISODES} episodes"
    return _curves(comparison.groups, curves, title, _TIME[unit], _LEARNING)


@styled
def frozen_curves(comparison: Comparison) -> Figure:
    """Draw the mean return of the members' frozen centers on held-out terrains, evaluation by evaluation."""
    curves = [frozen_curve(group) for group in comparison.groups]
    title = "Frozen centers on validation-v1: dots are evaluations in training"
    return _curves(comparison.groups, curves, title, _TIME["step"], _FROZEN, marker=".")


def _curves(
    groups: Sequence[Group], curves: Sequence[Curve], title: str, xlabel: str, ylabel: str, marker: str = ""
) -> Figure:
    """Draw each group with its members, and if there are several, all groups' IQM before them.

    The marker is for what was measured at single points, between which nothing is known.
    """
    panels = len(groups) + (len(groups) > 1)
    columns = min(panels, 3)
    rows = -(-panels // columns)
    figure = Figure(figsize=(WIDTH, 1.2 + (3.2 if rows == 1 else 2.4 * rows)))
    axes = figure.subplots(rows, columns, sharex=True, sharey=True, squeeze=False).ravel()
    for unused in axes[panels:]:
        unused.remove()
    if len(groups) > 1:
        axes[0].set_title("all groups")
        for number, curve in enumerate(curves):
            _mean_line(axes[0], curve, number, True, marker)
    for number, (group, curve, axis) in enumerate(zip(groups, curves, axes[panels - len(groups) :], strict=False)):
        for member, at, values in zip(group.members, curve.times, curve.values, strict=True):
            there = np.isfinite(values)
            style: dict[str, Any] = {"color": member_color(member.identity), "marker": marker, "markersize": 2}
            axis.plot(at[there], values[there], linewidth=0.6, alpha=0.8, **style)
        _mean_line(axis, curve, number, len(groups) == 1, marker)
        axis.set_title(fill(f"{group.label} ({len(group.members)} members)", 84 // columns))
    for place, axis in enumerate(axes[:panels]):
        _solved_line(axis)
        steps_axis(axis.xaxis)
        if place >= panels - columns:  # nothing below it
            axis.set_xlabel(xlabel)
            axis.xaxis.set_tick_params(labelbottom=True)
        if place % columns == 0:
            axis.set_ylabel(ylabel)
    figure.suptitle(title)
    _legend(figure, [*_group_handles(groups, "IQM, "), *_curve_handles(curves)])
    return figure


def _mean_line(axis: Axes, curve: Curve, number: int, band: bool, marker: str) -> None:
    """Draw a group's IQM: solid as long as every member is in it, dotted where some have ended."""
    color, there = group_color(number), np.isfinite(curve.iqm)
    at, center, whole = curve.at[there], curve.iqm[there], curve.whole[there]
    solid = int(whole.sum())  # members only ever end
    style: dict[str, Any] = {"color": color, "marker": marker, "markersize": 5}
    axis.plot(at[:solid], center[:solid], linestyle=group_line(number), lw=2, **style)
    rest = slice(max(solid - 1, 0), None) if solid < len(at) else slice(0)
    axis.plot(at[rest], center[rest], linestyle=(0, (1, 2)), lw=1.2, **style)
    if band:
        axis.fill_between(at, curve.low[there], curve.high[there], color=color, alpha=0.2, linewidth=0)


def _group_handles(groups: Sequence[Group], prefix: str = "") -> list[Line2D]:
    labels = [legend_text(prefix + group.label) for group in groups]
    return [
        Line2D([], [], color=group_color(number), linestyle=group_line(number), lw=2, label=label)
        for number, label in enumerate(labels)
    ]


def _curve_handles(curves: Sequence[Curve]) -> list[Any]:
    handles = [
        Patch(color="gray", alpha=0.3, linewidth=0, label="95 % bootstrap band"),
        Line2D([], [], color=member_color(0), lw=0.8, label="one member each"),
    ]
    if any(np.isfinite(curve.iqm[~curve.whole]).any() for curve in curves):
        handles.append(Line2D([], [], color="gray", linestyle=(0, (1, 2)), label="IQM where some have ended"))
    return handles


def _legend(figure: Figure, handles: Sequence[Any], **options: Any) -> None:
    """Put a legend below all axes, in as many columns as its longest label leaves room for."""
    longest = max(len(handle.get_label()) for handle in handles)
    columns = max(1, min(4, 100 // (longest + 8)))
    figure.legend(handles=handles, loc="outside lower center", ncols=columns, **options)


def _solved_line(axis: Axes, always: bool = False) -> None:
    """Mark the return that counts as solved, where it is in sight."""
    if always or axis.get_ylim()[1] > SOLVED_RETURN / 2:
        axis.axhline(SOLVED_RETURN, color="black", linewidth=0.8, linestyle="--")


@styled
def final_returns(comparison: Comparison) -> Figure:
    """Draw the frozen centers' final episodes: a box and dots per member, best first, and how many of them fell."""
    groups = comparison.groups
    figure = Figure(figsize=(WIDTH, 0.8 + 3.0 * len(groups)))
    axes = figure.subplots(2 * len(groups), 1, height_ratios=[3, 1] * len(groups), squeeze=False).ravel()
    rng = np.random.default_rng(0)  # spreads the dots
    widest = max(12, *(len(group.members) for group in groups))
    for number, group in enumerate(groups):
        above, below = axes[2 * number : 2 * number + 2]
        above.sharey(axes[0])
        ranked = sorted(group.members, key=lambda member: (np.isnan(member.score), -member.score))
        for place, member in enumerate(ranked):
            if len(member.final["return"]):
                _episodes_box(above, place, member, rng)
                below.bar(place, 100 * member.fall_rate, color=member_color(member.identity))
        _ranked_axes(above, below, ranked, widest)
        above.set_title(f"{group.label} ({len(ranked)} members)")
        _solved_line(above)
    figure.suptitle(f"Final episodes of the frozen centers on {comparison.terrains}")
    return figure


def _episodes_box(axis: Axes, place: int, member: Member, rng: np.random.Generator) -> None:
    color, returns = member_color(member.identity), member.final["return"]
    spread = place + rng.uniform(-0.3, 0.3, len(returns))
    axis.scatter(spread, returns, s=7, color=color, alpha=0.5, linewidth=0, rasterized=True)
    line = {"color": color}
    axis.boxplot(
        returns, positions=[place], widths=0.7, whis=(0, 100), showfliers=False,
        medianprops=line | {"linewidth": 2}, boxprops=line, whiskerprops=line, capprops=line,
    )  # fmt: skip


def _ranked_axes(above: Axes, below: Axes, ranked: Sequence[Member], widest: int) -> None:
    """Name the members below both axes."""
    several = len({member.run.config.seed for member in ranked}) > 1
    names = [f"{m.run.config.seed}.{m.identity}" if several else str(m.identity) for m in ranked]
    for axis in (above, below):
        axis.set_xlim(-0.7, widest - 0.3)
        axis.set_xticks(range(len(ranked)), names, rotation=90 if several else 0, fontsize="small")
        axis.grid(axis="x", visible=False)
    above.tick_params(labelbottom=False)
    above.set_ylabel("return")
    below.set(ylabel="falls [%]", ylim=(0, 100))
    below.set_xlabel("seed.member, best mean first" if several else "member, best mean first")


@styled
def score_profile(comparison: Comparison) -> Figure:
    """Draw, for every return, the share of members whose frozen centers score more, with its bootstrap band."""
    figure = Figure(figsize=(WIDTH, 3.8))
    axis = figure.subplots()
    scores = np.concatenate([group.scores() for group in comparison.groups])
    low, high = min(scores, default=-100.0), max(scores, default=0.0)
    thresholds = np.linspace(low - 10, max(high, SOLVED_RETURN if high > SOLVED_RETURN / 2 else high) + 10, 501)
    for number, group in enumerate(comparison.groups):
        if len(group.scores()):
            share, lower, upper = profile(group.scores(), thresholds)
            color = group_color(number)
            axis.plot(thresholds, 100 * share, color=color, linestyle=group_line(number))
            axis.fill_between(thresholds, 100 * lower, 100 * upper, color=color, alpha=0.2, linewidth=0)
    if thresholds[-1] > SOLVED_RETURN:
        axis.axvline(SOLVED_RETURN, color="black", linewidth=0.8, linestyle="--")
    axis.set(ylim=(-2, 102), ylabel="members that score more [%]")
    axis.set_xlabel(f"mean return of a member's frozen centers on {comparison.terrains}")
    figure.suptitle("Performance profile, with 95 % bootstrap bands")
    _legend(figure, _group_handles(comparison.groups))
    return figure


@styled
def solved_over_time(comparison: Comparison) -> Figure:
    """Draw the share of members solved by each rule over steps: Kaplan-Meier, those not solved censored.

    A dot marks the time by which half are solved.
    """
    figure = Figure(figsize=(WIDTH, 3.9))
    axes = figure.subplots(1, 2, sharex=True, sharey=True)
    meanings = {
        "training": f"learning, {SOLVED_EPISODES} episodes",
        "frozen": f"frozen, {SOLVED_EPISODES} held-out terrains",
    }
    for rule, axis in zip(RULES, axes, strict=True):
        axis.axhline(50, color="black", linewidth=0.8, linestyle="--")
        for number, group in enumerate(comparison.groups):
            _survival_line(axis, group, rule, number)
        axis.set_title(f"mean of {SOLVED_RETURN:.0f}: {meanings[rule]}")
        axis.set(ylim=(-3, 103), xlabel=_TIME["step"])
        axis.set_xlim(left=0)
        steps_axis(axis.xaxis)
    axes[0].set_ylabel("members solved [%]")
    figure.suptitle("Solved by when: Kaplan-Meier with 95 % bands")
    unsolved = Line2D([], [], color="gray", marker="|", markersize=7, linestyle="", label="not solved when last seen")
    _legend(figure, [*_group_handles(comparison.groups), unsolved])
    return figure


def _survival_line(axis: Axes, group: Group, rule: str, number: int) -> None:
    solved_at = np.array([member.solved_at(rule, "step") for member in group.members])
    watched = group.watched("step")
    curve, color = survival(solved_at, watched), group_color(number)
    time = np.array([0, *curve.time, max(watched.max(), curve.time[-1])])
    solved, low, high = (
        100 * np.array([first, *values, values[-1]])
        for first, values in ((0.0, curve.solved), (np.nan, curve.low), (np.nan, curve.high))
    )
    axis.step(time, solved, where="post", color=color, linestyle=group_line(number))
    axis.fill_between(time, low, high, step="post", color=color, alpha=0.15, linewidth=0)
    censored = watched[solved_at < 0]
    axis.plot(censored, solved[np.searchsorted(time, censored, side="right") - 1], "|", color=color, markersize=7)
    if np.isfinite(curve.median):
        axis.plot(curve.median, 50, "o", color=color)
        axis.annotate(
            EngFormatter(places=1, sep="")(curve.median), (curve.median, 50), (5, 5), textcoords="offset points",
            color=color,
        )  # fmt: skip


@styled
def improvements(comparison: Comparison) -> Figure:
    """Draw the probability that a member of one group scores more than one of another, for every two groups."""
    pairs = [(a, b) for a, b in combinations(comparison.groups, 2) if len(a.scores()) and len(b.scores())]
    figure = Figure(figsize=(WIDTH, 1.2 + 0.5 * max(len(pairs), 1)))
    axis = figure.subplots()
    for row, (first, second) in enumerate(pairs):
        value, low, high = improvement(first.scores(), second.scores())
        color = group_color(comparison.groups.index(first))
        axis.plot([low, high], [row, row], color=color, linewidth=2)
        axis.plot(value, row, "o", color=color)
    axis.axvline(0.5, color="black", linewidth=0.8, linestyle="--")
    names = [fill(first.label, 40) + "\nover " + fill(second.label, 40) for first, second in pairs]
    axis.set_yticks(range(len(pairs)), names, fontsize="small")
    axis.set(xlim=(-0.02, 1.02), ylim=(len(pairs) - 0.5, -0.5), xlabel="probability, with 95 % bootstrap interval")
    figure.suptitle(f"Probability of a higher frozen return on {comparison.terrains}")
    return figure


@styled
def progress(member: Member) -> Figure:
    """Draw one member's training: returns, lengths, amplitude, sensitivity and drift of the centers, over steps."""
    figure = Figure(figsize=(WIDTH, 8.5))
    axes = figure.subplots(5, 1, sharex=True, height_ratios=[3, 1.2, 1, 1, 1])
    episodes, color = member.episodes, member_color(member.identity)
    fell = episodes["outcome"] == "fell"
    for chosen, shade, label in ((~fell, "#0072B2", "did not fall"), (fell, "#D55E00", "fell")):
        for axis, name in zip(axes, ("return", "length"), strict=False):
            axis.scatter(
                episodes["step"][chosen], episodes[name][chosen],
                s=3, color=shade, alpha=0.35, linewidth=0, rasterized=True, label=label,
            )  # fmt: skip
    mean = trailing_mean(episodes["return"], SOLVED_EPISODES)
    axes[0].plot(
        episodes["step"], mean, color="black", linewidth=1.6, label=f"mean of the last {SOLVED_EPISODES}, learning"
    )
    evaluations = member.evaluations
    axes[0].plot(
        evaluations["step"], evaluations["return"],
        "D-", color="#009E73", markersize=3, linewidth=1, label="frozen centers, held-out terrains",
    )  # fmt: skip
    _solved_line(axes[0], always=True)
    for axis, name in zip(axes[2:], ("amplitude", "sensitivity", "drift"), strict=True):
        axis.plot(member.rounds["step"], member.rounds[name], color=color, linewidth=1.5)
    labels = ("return", "length [steps]", "amplitude", "mean\nsensitivity", "drift of centers\n(rms)")
    for axis, label in zip(axes, labels, strict=True):
        axis.set_ylabel(label)
    axes[-1].set_xlabel("environment steps of this member")
    steps_axis(axes[-1].xaxis)
    figure.align_ylabels(axes)
    state = "" if member.running else ", stopped: not finite"
    figure.suptitle(
        f"{member.run.name}, member {member.index}: {member.trained('step'):,} steps, "
        f"{member.trained('episode'):,} episodes{state}"
    )
    handles, names = axes[0].get_legend_handles_labels()
    figure.legend(handles, names, loc="outside lower center", ncols=2, markerscale=3)
    return figure
