"""What a report opens with: which members walk, how sure that is, and which is the best."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from dsjax.analysis.comparison import Comparison, Group
from dsjax.analysis.formats import count, number
from dsjax.analysis.members import Member
from dsjax.analysis.stats import interval, share_interval
from dsjax.envs.task import SOLVED_RETURN

_NAMED = 5  # walkers that the answer names; the table of members has all
_FLATTERS = "It was chosen by its mean return: on other terrains expect somewhat less."
ENOUGH = 0.5  # share of its last terrains whose end a member that walks reaches


class Answer(NamedTuple):
    """The answer in sentences."""

    headline: str
    rule: str  # what it takes to walk, and where it was tested; "" if nothing was
    groups: list[str]  # a sentence each
    walkers: list[str]  # the best of them, a line each
    unnamed: int  # walkers beside these
    best: str  # about the best member


def answer(comparison: Comparison) -> Answer:
    """Return who walks, by group and by member, with 95 % intervals."""
    members = comparison.members
    tested = [member for member in members if len(member.final["return"])]
    best = best_member(comparison)
    if not tested:
        headline = f"Not known yet: none of {count(len(members), 'member')} has been evaluated."
        return Answer(headline, "", [], [], 0, _untested(best))
    walkers = sorted(filter(walks, tested), key=lambda member: -member.score)
    headline = f"{_none(len(walkers))} of {count(len(members), 'member')} {'walks' if len(walkers) == 1 else 'walk'}."
    groups = [_group_sentence(group, len(comparison.groups) > 1) for group in comparison.groups]
    named = [f"{name(member, members)} {_tested(member)}." for member in walkers[:_NAMED]]
    rule = (
        f"A member walks if its frozen centers reach the end of at least half of the terrains that they were last "
        f"tested on, here of {comparison.terrains}. It is solved if their mean return reaches {SOLVED_RETURN:.0f} over "
        f"100 terrains. In brackets: 95 % intervals."
    )
    about = f"The best is {name(best, members)}. {'' if best in walkers[:1] else f'It {_tested(best)}. '}{_FLATTERS}"
    return Answer(headline, rule, groups, named, len(walkers) - len(named), about)


def best_member(comparison: Comparison) -> Member:
    """Return the member with the highest frozen return, or if none was evaluated, training return."""
    members = comparison.members
    evaluated = [member for member in members if np.isfinite(member.score)]
    if evaluated:
        return max(evaluated, key=lambda member: member.score)
    return max(members, key=lambda member: member.recent.mean() if len(member.recent) else -np.inf)


def name(member: Member, among: Sequence[Member]) -> str:
    """Return what to call a member: with its run's name, if there are several runs."""
    several = len({other.run.folder for other in among}) > 1
    return f"{member.run.name}, member {member.index}" if several else f"member {member.index}"


def finished(member: Member) -> float:
    """Return the share of its last terrains whose end a member's frozen centers reached; nan if never evaluated."""
    outcomes = member.final["outcome"]
    return float((outcomes == "finished").mean()) if len(outcomes) else float("nan")


def walks(member: Member) -> bool:
    """Return whether a member walks: see `ENOUGH`."""
    return finished(member) >= ENOUGH


def share(amount: int, total: int, things: str = "") -> str:
    """Return a share in words with Wilson's interval: "2 of 3 terrains (21 % to 94 %)"."""
    low, high = share_interval(amount, total)
    return f"{amount:,} of {total:,}{things and ' ' + things} ({percent(low)} to {percent(high)})"


def percent(value: float) -> str:
    """Return a share in percent, "-" for one that does not exist."""
    return f"{100 * value:.0f}\N{NO-BREAK SPACE}%" if np.isfinite(value) else "-"


def _none(amount: int) -> str:
    return f"{amount:,}" if amount else "None"


def _group_sentence(group: Group, several: bool) -> str:
    total = len(group.members)
    walking = share(sum(map(walks, group.members)), total)
    solved = share(sum(member.solved_at("frozen", "step") >= 0 for member in group.members), total)
    return f"{group.label + ': ' if several else ''}{walking} walk, {solved} are solved."


def _tested(member: Member) -> str:
    """Return what the last evaluation says of a member."""
    returns, outcomes = member.final["return"], member.final["outcome"]
    low, high = interval(returns, np.mean)
    mean = number(member.score) + (f" ({low:.1f} to {high:.1f})" if np.isfinite(low) else "")
    falls = int((outcomes == "fell").sum())
    return (
        f"reaches the end of {share(int((outcomes == 'finished').sum()), len(outcomes), 'terrains')}, "
        f"falls on {falls or 'none'}, mean return {mean}"
    )


def _untested(best: Member) -> str:
    if not len(best.recent):
        return "No training episode has been completed yet."
    return (
        f"Member {best.index} of {best.run.name} has the highest return in training, where it oscillates and learns: "
        f"a mean of {best.recent.mean():.1f} over its last {count(len(best.recent), 'episode')}."
    )
