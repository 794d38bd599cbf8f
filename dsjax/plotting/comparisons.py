"""Figures that compare groups of members: how well they end, and when they are solved."""

from collections.abc import Iterator, Sequence
from itertools import combinations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import EngFormatter

from dsjax.analysis.comparison import Comparison, Group
from dsjax.analysis.formats import count, shorten
from dsjax.analysis.members import RULES, Member
from dsjax.analysis.stats import improvement, profile, survival
from dsjax.envs.task import SOLVED_EPISODES, SOLVED_RETURN
from dsjax.plotting.curves import TIME_LABELS, frozen_curves, group_handles, solved_line, training_curves, wrapped
from dsjax.plotting.style import (
    COLUMN,
    WIDTH,
    group_color,
    group_line,
    legend,
    letters,
    steps_axis,
    styled,
)

_DETAILED = 6  # groups at most of which every episode is drawn, and every pair
_RULES = {"training": "learning", "frozen": "frozen centers"}


def comparison_figures(comparison: Comparison, width: float = WIDTH) -> Iterator[tuple[str, Figure]]:
    """Yield (name, Figure) of all that a comparison can be drawn from; `left_out` says why others are missing."""
    missing = left_out(comparison)
    yield "training-steps", training_curves(comparison, width=width)
    yield "training-episodes", training_curves(comparison, "episode", width=width)
    for name, draw in (
        ("solved", solved_over_time),
        ("frozen-steps", frozen_curves),
        ("final-returns", final_returns),
        ("profile", score_profile),
        ("improvement", improvements),
    ):
        if name not in missing:
            yield name, draw(comparison, width=width)


def left_out(comparison: Comparison) -> dict[str, str]:
    """Return why figures are not drawn, a sentence by the figure's name: there would be nothing in them."""
    missing = {}
    members = [member for group in comparison.groups for member in group.members]
    evaluated = [group for group in comparison.groups if len(group.scores())]
    if all(member.solved_at(rule, "step") < 0 for rule in RULES for member in members):
        missing["solved"] = f"None of {count(len(members), 'member')} is solved yet, by either rule."
    if not evaluated:
        never = "No frozen centers were evaluated; see evaluation.every."
        missing |= dict.fromkeys(("frozen-steps", "final-returns", "profile"), never)
    if len(evaluated) < 2:
        missing["improvement"] = "There are no two groups whose frozen returns could be compared."
    return missing


@styled
def final_returns(comparison: Comparison, *, width: float = WIDTH) -> Figure:
    """Draw the frozen centers' final episodes, a box and dots per member; of many groups a dot per member."""
    groups = comparison.groups
    title = wrapped(f"Final episodes of the frozen centers on {comparison.terrains}", width)
    if len(groups) > _DETAILED:
        return _returns_of_many(comparison, width)
    figure = Figure(figsize=(width, 0.5 + 2.6 * len(groups)))
    axes = figure.subplots(2 * len(groups), 1, height_ratios=[3, 1] * len(groups), squeeze=False).ravel()
    rng = np.random.default_rng(0)  # spreads the dots
    for number, group in enumerate(groups):
        above, below = axes[2 * number : 2 * number + 2]
        above.sharey(axes[0])
        ranked = sorted(group.members, key=lambda member: (np.isnan(member.score), -member.score))
        for place, member in enumerate(ranked):
            if len(member.final["return"]):
                _episodes_box(above, place, member, rng, group_color(number))
                below.bar(place, 100 * member.fall_rate, color=group_color(number))
        _ranked_axes(above, below, ranked, width)
        above.set_title(f"{shorten(group.label, letters(0.65 * width, width))}, {count(len(ranked), 'member')}")
        solved_line(above)
    figure.suptitle(title)
    return figure


def _returns_of_many(comparison: Comparison, width: float) -> Figure:
    """Draw a line of dots per group: each member's mean return."""
    groups = comparison.groups
    figure = Figure(figsize=(width, 0.8 + 0.2 * len(groups)))
    axis = figure.subplots()
    for place, group in enumerate(groups):
        scores = group.scores()
        axis.plot(scores, np.full(len(scores), place), "o", color=group_color(place), markersize=3, alpha=0.6)
    if axis.get_xlim()[1] > SOLVED_RETURN / 2:
        axis.axvline(SOLVED_RETURN, color="black", linewidth=0.8, linestyle="--")
    fits = letters(0.45 * width, width)
    axis.set_yticks(range(len(groups)), [shorten(group.label, fits) for group in groups])
    axis.set(ylim=(len(groups) - 0.5, -0.5), xlabel="mean frozen return, a dot per member")
    figure.suptitle(wrapped(f"Final frozen returns on {comparison.terrains}", width))
    return figure


def _episodes_box(axis: Axes, place: int, member: Member, rng: np.random.Generator, color: str) -> None:
    returns = member.final["return"]
    spread = place + rng.uniform(-0.3, 0.3, len(returns))
    axis.scatter(spread, returns, s=5, color=color, alpha=0.5, linewidth=0, rasterized=True)
    line = {"color": color}
    axis.boxplot(
        returns, positions=[place], widths=0.7, whis=(0, 100), showfliers=False,
        medianprops=line | {"linewidth": 2}, boxprops=line, whiskerprops=line, capprops=line,
    )  # fmt: skip


def _ranked_axes(above: Axes, below: Axes, ranked: Sequence[Member], width: float) -> None:
    """Name the members below both axes, as many of them as there is room for."""
    several = len({member.run.config.seed for member in ranked}) > 1
    names = [f"{m.run.config.seed}.{m.identity}" if several else str(m.identity) for m in ranked]
    room = letters(0.85 * width, width) // 2  # names side by side, upright
    upright = sum(map(len, names)) + 2 * len(names) > letters(0.85 * width, width)
    names = [name if place % -(-len(names) // room) == 0 else "" for place, name in enumerate(names)]
    for axis in (above, below):
        axis.set_xlim(-0.7, len(ranked) - 0.3)
        axis.set_xticks(range(len(ranked)), names, rotation=90 if upright else 0)
        axis.grid(axis="x", visible=False)
    above.tick_params(labelbottom=False)
    above.set_ylabel("return")
    below.set(ylabel="falls [%]", ylim=(0, 100))
    below.set_xlabel("seed.member, best mean first" if several else "member, best mean first")


@styled
def score_profile(comparison: Comparison, *, width: float = WIDTH) -> Figure:
    """Draw, for every return, the share of members whose frozen centers score more, with its bootstrap band."""
    figure = Figure(figsize=(width, 0.4 + 0.5 * width))
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
    axis.set_xlabel(f"mean frozen return on {comparison.terrains}")
    figure.suptitle(wrapped("Performance profile (bands: 95 % bootstrap intervals)", width))
    if len(comparison.groups) > 1:
        legend(figure, group_handles(comparison.groups), width)
    return figure


@styled
def solved_over_time(comparison: Comparison, *, width: float = WIDTH) -> Figure:
    """Draw the share of members solved by each rule over steps: Kaplan-Meier, those not solved censored."""
    beside = width > COLUMN
    figure = Figure(figsize=(width, 3.2 if beside else 4.4))
    shape = (1, 2) if beside else (2, 1)
    axes = figure.subplots(*shape, sharex=True, sharey=True, squeeze=False).ravel()
    meanings = {
        "training": f"learning, {SOLVED_EPISODES} training episodes",
        "frozen": f"frozen centers, {SOLVED_EPISODES} terrains",
    }
    for rule, axis in zip(RULES, axes, strict=True):
        for number, group in enumerate(comparison.groups):
            _survival_line(axis, group, rule, number)
        axis.set_title(meanings[rule])
        axis.set(ylim=(-3, 103), ylabel="" if beside and rule != RULES[0] else "members solved [%]")
        axis.set_xlim(left=0)
        steps_axis(axis.xaxis)
        if beside or rule == RULES[-1]:
            axis.set_xlabel(TIME_LABELS["step"])
    title = f"Solved by when, a mean of {SOLVED_RETURN:.0f} over: (Kaplan-Meier, 95 % bands)"
    figure.suptitle(title.replace(": (", "\n(") if not beside else title.replace(": (", " ... ("))
    unsolved = Line2D([], [], color="gray", marker="|", markersize=7, linestyle="", label="not solved when last seen")
    half = Line2D([], [], color="gray", marker="o", markersize=5, linestyle="", label="half are solved")
    legend(figure, [*map(_with_medians, group_handles(comparison.groups), comparison.groups), unsolved, half], width)
    return figure


def _with_medians(handle: Line2D, group: Group) -> Line2D:
    """Return a group's entry of the legend with the times by which half of its members are solved."""
    form = EngFormatter(places=1, sep="")
    found = {}
    for rule, name in _RULES.items():
        solved_at = [member.solved_at(rule, "step") for member in group.members]
        if np.isfinite(median := survival(solved_at, group.watched("step")).median):
            found[name] = form(median)
    halves = ", ".join(f"{name} {time}" for name, time in found.items())
    handle.set_label(f"{group.label} (half: {halves})" if found else group.label)
    return handle


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
        axis.plot(curve.median, 50, "o", color=color, markersize=5)


@styled
def improvements(comparison: Comparison, *, width: float = WIDTH) -> Figure:
    """Draw the probability that a member of one group scores more than one of another.

    For every two groups; of many groups for the first one and each other.
    """
    groups = [group for group in comparison.groups if len(group.scores())]
    pairs = list(combinations(groups, 2)) if len(groups) <= _DETAILED else [(group, groups[0]) for group in groups[1:]]
    figure = Figure(figsize=(width, 1.0 + 0.36 * len(pairs)))
    axis = figure.subplots()
    for row, (first, second) in enumerate(pairs):
        value, low, high = improvement(first.scores(), second.scores())
        color = group_color(comparison.groups.index(first))
        axis.plot([low, high], [row, row], color=color, linewidth=2)
        axis.plot(value, row, "o", color=color, markersize=4)
    axis.axvline(0.5, color="black", linewidth=0.8, linestyle="--")
    fits = letters(0.4 * width, width) - 5
    names = [f"{shorten(first.label, fits)}\nover {shorten(second.label, fits)}" for first, second in pairs]
    axis.set_yticks(range(len(pairs)), names)
    axis.set(xlim=(-0.02, 1.02), ylim=(len(pairs) - 0.5, -0.5), xlabel="probability, with 95 % interval")
    figure.suptitle(wrapped(f"Probability of a higher frozen return (on {comparison.terrains})", width))
    return figure
