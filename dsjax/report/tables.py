"""The tables of a report, in words: every cell is text, and a column that says nothing is left out."""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from dsjax.analysis.comparison import Comparison
from dsjax.analysis.formats import interval, number
from dsjax.analysis.members import UNITS, Member
from dsjax.analysis.summary import difference_rows, group_rows, pair_rows
from dsjax.report.answer import finished, percent, share


class Table(NamedTuple):
    """A table of texts. The first cell of a row is its heading."""

    name: str  # of its place in the page
    title: str
    about: str  # what a reader needs to know to read it
    head: list[str]
    rows: list[list[str]]


def tables(comparison: Comparison) -> list[Table]:
    """Return the tables of groups, of pairs of them if there are any, and of each group's members."""
    return [_groups(comparison), *_differences(comparison), *_pairs(comparison), *_members(comparison)]


def _groups(comparison: Comparison) -> Table:
    found = group_rows(comparison)
    rows = [[title, *(write(row) for row in found)] for title, write in _GROUP]
    about = (
        "Statistics over members, with 95 % intervals in brackets. The interquartile mean leaves out the best and the "
        "worst quarter. Learning controllers oscillate and learn: each counts with the mean of its last 100 training "
        f"episodes. Frozen centers do neither: each counts with its last episodes on {comparison.terrains}. Times to "
        "solve are Kaplan-Meier medians: those not solved are not left out."
    )
    return Table("groups", "Groups", about, ["", *(row["group"] for row in found)], rows)


def _spread(name: str) -> Callable[[dict[str, Any]], str]:
    """Return the writer of a statistic with its interval, where it has one."""

    def write(row: dict[str, Any]) -> str:
        span = interval(row[f"{name}_low"], row[f"{name}_high"])
        return number(row[name]) + ("" if span == "-" else f" ({span})")

    return write


def _plain(name: str, form: str = ".1f") -> Callable[[dict[str, Any]], str]:
    return lambda row: number(row[name], form)


def _percent(name: str) -> Callable[[dict[str, Any]], str]:
    return lambda row: percent(row[name])


def _share(name: str) -> Callable[[dict[str, Any]], str]:
    return lambda row: share(row[name], row["members"])


def _until(name: str) -> Callable[[dict[str, Any]], str]:
    """Return the writer of a median time, which is infinite if too few are solved."""
    return lambda row: f"{row[name]:,.0f}" if np.isfinite(row[name]) else "not reached"


_GROUP: list[tuple[str, Callable[[dict[str, Any]], str]]] = [
    ("Members", _plain("members", ",d")),
    ("Stopped, as an action was not finite", _plain("stopped", ",d")),
    ("Evaluated", _plain("evaluated", ",d")),
    ("Steps of a member, median", _plain("median_steps", ",.0f")),
    ("Episodes of a member, median", _plain("median_episodes", ",.0f")),
    ("Return, learning, interquartile mean", _spread("training_iqm")),
    ("Return, frozen centers, mean", _plain("frozen_mean")),
    ("Return, frozen centers, interquartile mean", _spread("frozen_iqm")),
    ("Return, frozen centers, worst member", _plain("frozen_worst")),
    ("Return, frozen centers, best member", _plain("frozen_best")),
    ("Frozen centers' episodes that end in a fall", _percent("fall_rate")),
    ("Solved, learning", _share("training_solved")),
    ("Solved, frozen centers", _share("frozen_solved")),
    *(
        (f"{unit.capitalize()}s until half are solved, {what}", _until(f"{rule}_solved_median_{unit}s"))
        for rule, what in (("training", "learning"), ("frozen", "frozen centers"))
        for unit in UNITS
    ),
]


def _pairs(comparison: Comparison) -> list[Table]:
    rows = [
        [row["first"], row["second"], percent(row["probability"]), _percents(row["low"], row["high"])]
        for row in pair_rows(comparison)
    ]
    if not rows:
        return []
    head = ["A member of", "over a member of", "Probability", "95 % interval"]
    about = "Probability that the frozen centers of a member of one group return more than those of another group's."
    return [Table("pairs", "Pairs of groups", about, head, rows)]


def _differences(comparison: Comparison) -> list[Table]:
    """Return the table of the config keys in which groups differ, if there are any."""
    found = difference_rows(comparison)
    if not found:
        return []
    rows = [list(row.values()) for row in found]
    about = "Keys of the configs in which the groups differ, with each group's value."
    return [Table("differences", "What differs", about, list(found[0]), rows)]


def _percents(low: float, high: float) -> str:
    return f"{percent(low)} to {percent(high)}" if np.isfinite(low) and np.isfinite(high) else "-"


def _members(comparison: Comparison) -> list[Table]:
    """Return a table per group, all with the same columns: a group's name is too long for a cell."""
    everyone = comparison.members
    told = [(title, write) for title, write in _MEMBER if _says_something(title, list(map(write, everyone)))]
    if all(member.identity == member.index for member in everyone):
        told = [column for column in told if column[0] != "Index"]
    found = []
    for place, group in enumerate(comparison.groups):
        title = f"Members: {group.label}" if len(comparison.groups) > 1 else "Members"
        rows = [[write(member) for _, write in told] for member in group.members]
        name = f"members-{place + 1}" if place else "members"
        found.append(Table(name, title, _ABOUT_MEMBERS, [title for title, _ in told], rows))
    return found


def _says_something(title: str, cells: list[str]) -> bool:
    """Return whether a column tells members apart, or is one that always stands there."""
    return title not in _OPTIONAL or len(set(cells)) > 1 or (title in _SOLVED and cells[0] != "-")


def _state(member: Member) -> str:
    return "stopped" if not member.running else "paused" if member.paused else "trains"


def _frozen(member: Member) -> str:
    returns = member.final["return"]
    deviation = f" ± {np.std(returns, ddof=1):.1f}" if len(returns) > 1 else ""
    return number(member.score) + deviation


def _solved(rule: str) -> Callable[[Member], str]:
    """Return the writer of the step at which a rule was met."""
    return lambda member: "-" if (step := member.solved_at(rule, "step")) < 0 else f"{step:,}"


def _last(name: str, form: str) -> Callable[[Member], str]:
    return lambda member: number(float(member.rounds[name][-1]), form)


_ABOUT_MEMBERS = (
    "All members: none is left out. Returns are means over the last episodes, with the standard deviation over "
    "episodes after the sign ±. Drift is how far the centers have moved (root mean square). A dash: not yet."
)
_SOLVED = ("Solved at step (learning)", "Solved at step (frozen)")
_OPTIONAL = ("Run", "Seed", "State", *_SOLVED)  # columns that are left out where all members have the same
_MEMBER: list[tuple[str, Callable[[Member], str]]] = [
    ("Member", lambda member: str(member.index)),
    ("Run", lambda member: member.run.name),
    ("Seed", lambda member: str(member.run.config.seed)),
    ("Index", lambda member: str(member.identity)),
    ("State", _state),
    ("Steps", lambda member: f"{member.trained('step'):,}"),
    ("Episodes", lambda member: f"{member.trained('episode'):,}"),
    ("Learning", lambda member: number(float(member.recent.mean())) if len(member.recent) else "-"),
    ("Frozen centers", _frozen),
    ("Worst", lambda member: number(float(member.final["return"].min())) if len(member.final["return"]) else "-"),
    ("Terrains", lambda member: str(len(member.final["return"]) or "-")),
    ("Reached the end", lambda member: percent(finished(member))),
    ("Falls", lambda member: percent(member.fall_rate)),
    ("Amplitude", _last("amplitude", ".4f")),
    ("Sensitivity", _last("sensitivity", ".3f")),
    ("Drift", _last("drift", ".3f")),
    (_SOLVED[0], _solved("training")),
    (_SOLVED[1], _solved("frozen")),
]
