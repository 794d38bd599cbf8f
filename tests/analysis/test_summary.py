import csv

import numpy as np
import pytest
from helpers import run_command

from dsjax.analysis.comparison import compare
from dsjax.analysis.stats import improvement, interval, iqm, share_interval
from dsjax.analysis.summary import group_rows, markdown, member_rows, pair_rows, write_csv


@pytest.fixture(scope="module")
def comparison(small_runs):
    return compare([small_runs / name for name in "abc"])


def test_group_rows_say_what_the_members_did(comparison):
    for row, group in zip(group_rows(comparison), comparison.groups, strict=True):
        scores = [member.final["return"].mean() for member in group.members]
        assert (row["members"], row["evaluated"], row["stopped"]) == (len(scores), len(scores), 0)
        assert row["frozen_iqm"] == iqm(scores)
        assert (row["frozen_iqm_low"], row["frozen_iqm_high"]) == interval(scores)
        assert (row["frozen_worst"], row["frozen_best"]) == (min(scores), max(scores))
        assert row["training_iqm"] == iqm([member.episodes["return"][-100:].mean() for member in group.members])
        assert row["fall_rate"] == np.mean([np.mean(member.final["outcome"] == "fell") for member in group.members])
        assert (row["frozen_solved"], row["frozen_solved_median_steps"]) == (0, np.inf)


def test_the_page_says_the_same(comparison):
    head, _, *lines = markdown(group_rows(comparison)).splitlines()
    for line, row in zip(lines, group_rows(comparison), strict=True):
        cells = dict(
            zip(*([cell.strip() for cell in text.strip("|").split("|")] for text in (head, line)), strict=True)
        )
        assert (cells["group"], cells["members"]) == (row["group"], str(row["members"]))
        assert cells["worst"] == f"{row['frozen_worst']:.1f}"
        assert (cells["steps to solve, frozen"], cells["episodes to solve, frozen"]) == ("-", "-")
        low, high = share_interval(0, row["members"])
        assert cells["solved, frozen"] == f"0 [{low:.0%}, {high:.0%}]"
        span = f"[{row['frozen_iqm_low']:.1f}, {row['frozen_iqm_high']:.1f}]"
        assert cells["frozen, IQM"] == f"{row['frozen_iqm']:.1f} {span}"


def test_the_page_says_when_members_were_solved(comparison):
    row = group_rows(comparison)[0] | {"frozen_solved_median_steps": 12345.0, "frozen_solved_median_episodes": 67.0}
    assert "| 12,345 | 67 |" in markdown([row])


def test_pairs(comparison):
    (row,) = pair_rows(comparison)
    first, second = (group.scores() for group in comparison.groups)
    assert (row["first"], row["second"]) == ("repulsive", "not repulsive")
    assert (row["probability"], row["low"], row["high"]) == improvement(first, second)


def test_csv_files_hold_the_same_numbers(comparison, tmp_path):
    tables = {"groups": group_rows, "members": member_rows, "pairs": pair_rows}
    paths = write_csv({name: rows(comparison) for name, rows in tables.items()}, tmp_path)
    assert [path.name for path in paths] == ["groups.csv", "members.csv", "pairs.csv"]
    for path, rows in zip(paths, (group_rows, member_rows, pair_rows), strict=True):
        with open(path) as file:
            found = list(csv.DictReader(file))
        expected = rows(comparison)
        assert len(found) == len(expected)
        for read, row in zip(found, expected, strict=True):
            assert read.keys() == row.keys()
            for name, value in row.items():
                if isinstance(value, float) and np.isfinite(value):
                    assert float(read[name]) == value
                elif isinstance(value, str):
                    assert read[name] == value
    assert len(member_rows(comparison)) == 8


def test_the_script_prints_and_writes_it_all(small_runs, tmp_path):
    status, output = run_command(
        "compare", small_runs / "a", small_runs / "b", small_runs / "c", "--output", tmp_path, "--by", "seed"
    )
    assert status == 0, output
    for name in ("seed 29", "seed 56", "5 members", "3 members", "0/5", "probability of a higher frozen return"):
        assert name in output
    figures = ("training-steps", "training-episodes", "frozen-steps", "final-returns", "profile")  # none is solved
    names = {f"{name}.{kind}" for name in (*figures, "improvement") for kind in ("png", "pdf")}
    assert {path.name for path in tmp_path.iterdir()} == names | {
        *("groups.csv", "groups.md", "members.csv", "pairs.csv", "differences.csv")
    }


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["compare"], "nothing to compare; name at least one run folder"),
        (["compare", "no/such"], "no/such: there is no run here"),
        (["compare", "{}/a", "--by", "nothing"], "--by: unknown key nothing; did you mean"),
        (["plot", "no/such"], "no/such: there is no run here"),
        (["plot", "{}/a", "--member", "3"], "has no member 3; its members are 0 to 2"),
    ],
)
def test_bad_input_ends_in_one_line(small_runs, arguments, message):
    name, *rest = (argument.format(small_runs) for argument in arguments)
    status, output = run_command(name, *rest)
    assert status == 2
    assert message in output
    assert len(output.strip().splitlines()) == 1


def test_labels_do_not_break_the_page(small_runs):
    rows = group_rows(compare([small_runs / "a", small_runs / "b"], labels=["p|q\nr"]))
    page = markdown(rows)
    assert page.splitlines()[2].startswith(r"| p\|q r | 6 |")
    assert len(page.splitlines()) == 3


def test_the_interval_of_one_member_is_a_dash(small_runs):
    row = group_rows(compare([small_runs / "a"], by=["seed"]))[0]
    row |= {"frozen_iqm_low": np.nan, "frozen_iqm_high": np.nan, "frozen_mean": np.nan}
    page = markdown([row])
    assert "nan" not in page
    assert f"| - | {row['frozen_iqm']:.1f} [-] |" in page


def test_seeds_of_64_bits_are_written(tmp_path):
    rows = [{"seed": np.uint64(2**64 - 1), "x": 1}, {"seed": np.uint64(7), "x": 2}]
    [path] = write_csv({"members": rows}, tmp_path)
    assert path.read_text().splitlines()[1:] == [f"{2**64 - 1},1", "7,2"]
