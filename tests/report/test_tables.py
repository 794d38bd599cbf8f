from dataclasses import replace

import numpy as np
import pytest

from dsjax.analysis.comparison import compare
from dsjax.report.tables import tables


@pytest.fixture(scope="module")
def comparison(small_runs):
    return compare([small_runs / "a", small_runs / "c"])


def named(comparison):
    return {table.name: table for table in tables(comparison)}


def test_every_row_is_as_long_as_its_head(comparison):
    found = tables(comparison)
    assert [table.name for table in found] == ["groups", "differences", "pairs", "members", "members-2"]
    for table in found:
        assert table.rows
        assert all(len(row) == len(table.head) for row in table.rows)
        assert all(isinstance(cell, str) and cell for row in table.rows for cell in row)


def test_groups_have_their_numbers_with_intervals(comparison):
    groups = named(comparison)["groups"]
    rows = {row[0]: row[1:] for row in groups.rows}
    assert groups.head == ["", *(group.label for group in comparison.groups)]
    assert rows["Members"] == ["3", "2"]
    assert rows["Solved, frozen centers"][0].replace("\N{NO-BREAK SPACE}", " ") == "0 of 3 (0 % to 56 %)"
    assert rows["Steps until half are solved, frozen centers"] == ["not reached"] * 2
    mean = np.mean(comparison.groups[0].scores())
    assert rows["Return, frozen centers, mean"][0] == f"{mean:.1f}"
    assert rows["Return, frozen centers, interquartile mean"][0].startswith(f"{mean:.1f} (")  # three: none is left out


def test_members_have_the_columns_that_tell_them_apart(small_runs, comparison):
    alone = named(compare([small_runs / "a"]))["members"]
    assert alone.head[:3] == ["Member", "Steps", "Episodes"]
    assert [row[0] for row in alone.rows] == ["0", "1", "2"]
    assert not any(title.startswith("Solved") for title in alone.head)
    several = named(comparison)["members-2"]
    assert several.head[1] == "Run"
    assert [row[:2] for row in several.rows] == [["0", "c"], ["1", "c"]]


def test_a_step_at_which_a_member_was_solved_has_its_column(small_runs):
    found = compare([small_runs / "a"])
    member = found.groups[0].members[1]
    rounds = member.rounds | {"frozen_solved_step": np.array([-1, 900])}
    found.groups[0].members[1] = replace(member, rounds=rounds)
    table = named(found)["members"]
    assert [row[table.head.index("Solved at step (frozen)")] for row in table.rows] == ["-", "900", "-"]


def test_who_was_stopped_is_told(small_runs):
    found = compare([small_runs / "a"])
    member = found.groups[0].members[0]
    stopped = np.append(member.rounds["running"][:-1], False)
    found.groups[0].members[0] = replace(member, rounds=member.rounds | {"running": stopped})
    table = named(found)["members"]
    assert [row[table.head.index("State")] for row in table.rows] == ["stopped", "trains", "trains"]
