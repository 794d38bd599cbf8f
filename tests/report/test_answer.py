from dataclasses import replace

import numpy as np
import pytest

from dsjax.analysis.comparison import Comparison, Group, compare
from dsjax.report.answer import answer, best_member, finished, share, walks


@pytest.fixture(scope="module")
def members(small_runs):
    return compare([small_runs / "a"]).groups[0].members


def walking(member, ends, total=20, score=250.0):
    """Return a member whose frozen centers reach the end of so many of the terrains."""
    outcomes = np.array(["finished"] * ends + ["fell"] * (total - ends))
    return replace(member, final={"return": np.linspace(score - 10, score + 10, total), "outcome": outcomes})


def comparison(*groups):
    return Comparison([Group(f"group {number}", list(group)) for number, group in enumerate(groups)], "test-v1", [], [])


def test_a_member_walks_that_reaches_the_end_of_half_of_the_terrains(members):
    assert [walks(walking(members[0], ends)) for ends in (0, 9, 10, 20)] == [False, False, True, True]
    assert finished(walking(members[0], 15)) == 0.75


def test_the_answer_says_who_walks_and_how_surely(members):
    found = answer(
        comparison([walking(members[0], 2, score=50), walking(members[1], 20, score=310), walking(members[2], 12)])
    )
    assert found.headline == "2 of 3 members walk."
    assert found.groups == [f"{share(2, 3)} walk, {share(0, 3)} are solved."]
    assert [line.split(" reaches")[0] for line in found.walkers] == ["member 1", "member 2"]
    assert found.walkers[0].startswith(f"member 1 reaches the end of {share(20, 20, 'terrains')}, falls on none, mean")
    assert "mean return 310.0 (" in found.walkers[0]
    assert found.best.startswith("The best is member 1. It was chosen by its mean")
    assert "test-v1" in found.rule


def test_a_share_has_wilsons_interval():
    assert share(2, 3, "terrains").replace("\N{NO-BREAK SPACE}", " ") == "2 of 3 terrains (21 % to 94 %)"


def test_groups_are_named_and_walkers_beyond_five_are_counted(members):
    found = answer(comparison([walking(members[0], 20)] * 7, [walking(members[1], 0)] * 2))
    assert (len(found.walkers), found.unnamed) == (5, 2)
    assert [line.split(":")[0] for line in found.groups] == ["group 0", "group 1"]


def test_nobody_walks(members):
    found = answer(comparison([walking(members[0], 1, score=-20.0), walking(members[1], 0, score=-80.0)]))
    assert found.headline == "None of 2 members walk."
    assert found.walkers == []
    assert found.best.startswith("The best is member 0. It reaches the end of 1 of 20 terrains")


def test_without_an_evaluation_the_answer_is_not_known(members):
    nothing = {"return": np.empty(0), "outcome": np.empty(0, str)}
    untested = [replace(member, final=nothing) for member in members]
    found = answer(comparison(untested))
    assert found.headline == "Not known yet: none of 3 members has been evaluated."
    assert found.best.startswith(f"Member {best_member(comparison(untested)).index} of a has the highest return")
    fresh = [replace(m, episodes={name: values[:0] for name, values in m.episodes.items()}) for m in untested]
    assert answer(comparison(fresh)).best == "No training episode has been completed yet."
