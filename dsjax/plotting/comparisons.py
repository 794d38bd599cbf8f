"""Figures that compare groups of members: how well they end, and when they are solved."""

from collections.abc import Iterator
from functools import partial
from itertools import combinations

import numpy as np
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from dsjax.analysis.comparison import Comparison
from dsjax.analysis.formats import count, shorten_all
from dsjax.analysis.members import RULES
from dsjax.analysis.stats import improvement, profile
from dsjax.envs.task import SOLVED_EPISODES, SOLVED_RETURN
from dsjax.plotting.curves import frozen_curves, training_curves
from dsjax.plotting.legends import DETAILED, group_handles, interval_handle, legend, marked, solved_line, wrapped
from dsjax.plotting.returns import final_returns
from dsjax.plotting.solved import solved_over_time
from dsjax.plotting.style import WIDTH, few_ticks, group_color, group_line, letters, styled


def comparison_figures(comparison: Comparison, width: float = WIDTH) -> Iterator[tuple[str, Figure]]:
    """Yield (name, Figure) of all that a comparison can be drawn from; `left_out` says why others are missing."""
    missing = left_out(comparison)
    for name, draw in (
        ("training-steps", training_curves),
        ("training-episodes", partial(training_curves, unit="episode")),
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
    missing: dict[str, str] = {}
    members = comparison.members
    evaluated = [group for group in comparison.groups if len(group.scores())]
    if not any(len(member.episodes["return"]) for member in members):
        missing |= dict.fromkeys(("training-steps", "training-episodes"), "No training episode is completed yet.")
    if all(member.solved_at(rule, "step") < 0 for rule in RULES for member in members):
        missing["solved"] = (
            f"None of {count(len(members), 'member')} is solved yet by either rule: a mean return of "
            f"{SOLVED_RETURN:.0f} over {SOLVED_EPISODES} training episodes in a row, or of the frozen centers over "
            f"{SOLVED_EPISODES} held-out terrains."
        )
    if not evaluated:
        never = "No frozen centers were evaluated; see evaluation.every."
        missing |= dict.fromkeys(("frozen-steps", "final-returns", "profile"), never)
    if len(evaluated) < 2:
        missing["improvement"] = "There are no two groups whose frozen returns could be compared."
    return missing


@styled
def score_profile(comparison: Comparison, *, width: float = WIDTH) -> Figure:
    """Draw, for every return, the share of members whose frozen centers score more, with its bootstrap band."""
    figure = Figure(figsize=(width, 0.4 + 0.5 * width))
    axis = figure.subplots()
    groups, banded = comparison.groups, len(comparison.groups) <= DETAILED
    scores = np.concatenate([group.scores() for group in groups])
    low, high = min(scores, default=-100.0), max(scores, default=0.0)
    thresholds = np.linspace(low - 10, max(high, SOLVED_RETURN if high > SOLVED_RETURN / 2 else high) + 10, 501)
    for number, group in enumerate(groups):
        if len(group.scores()):
            share, lower, upper = profile(group.scores(), thresholds)
            color = group_color(number)
            axis.plot(thresholds, 100 * share, color=color, linestyle=group_line(number))
            if banded:
                axis.fill_between(thresholds, 100 * lower, 100 * upper, color=color, alpha=0.2, linewidth=0)
    few_ticks(axis.xaxis, width)
    axis.set(ylim=(-2, 102), ylabel="members that score more [%]")
    axis.set_xlabel(f"mean frozen return on {comparison.terrains}")
    figure.suptitle("Performance profile of the frozen centers")
    handles = [*group_handles(groups), *(interval_handle(groups, "95 % bootstrap interval") if banded else [])]
    legend(figure, [*handles, *solved_line(axis, upright=True)], width)
    return figure


@styled
def improvements(comparison: Comparison, *, width: float = WIDTH) -> Figure:
    """Draw the probability that a member of one group scores more than one of another.

    For every two groups; of many groups for each and the first one.
    """
    groups = [group for group in comparison.groups if len(group.scores())]
    many = len(groups) > DETAILED
    pairs = [(group, groups[0]) for group in groups[1:]] if many else list(combinations(groups, 2))
    figure = Figure(figsize=(width, 1.0 + (0.2 if many else 0.36) * len(pairs)))
    axis = figure.subplots()
    for row, (first, second) in enumerate(pairs):
        value, low, high = improvement(first.scores(), second.scores())
        color = group_color(comparison.groups.index(first))
        axis.plot([low, high], [row, row], color=color, linewidth=2)
        axis.plot(value, row, "o", color=color, markersize=4)
    half = marked(axis, 0.5, "no difference", upright=True)
    short = shorten_all([group.label for group in groups], letters(0.4 * width, width) - (0 if many else 5))
    if many:
        names, than = short[1:], f"\nthan those of {short[0]}, as a probability"
    else:
        name = {group.label: text for group, text in zip(groups, short, strict=True)}
        names, than = [f"{name[one.label]}\nover {name[other.label]}" for one, other in pairs], ", as a probability"
    axis.set_yticks(range(len(pairs)), names)
    axis.set(xlim=(-0.02, 1.02), ylim=(len(pairs) - 0.5, -0.5), xlabel="probability")
    figure.suptitle(wrapped(f"Higher frozen returns on {comparison.terrains}", width) + than)
    found = Line2D([], [], color="gray", marker="o", markersize=4, lw=2, label="probability and its 95 % interval")
    legend(figure, [found, half], width)
    return figure
