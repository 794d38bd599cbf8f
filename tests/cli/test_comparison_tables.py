"""Tables of comparisons fit a terminal of 80 columns, whatever the groups are called."""

import io
from dataclasses import replace

import pytest
from crafted import LONG, comparison, sweep
from rich.console import Console

from dsjax.analysis.summary import group_rows, pair_rows
from dsjax.cli.comparison_tables import comparison_tables
from dsjax.cli.sweep_tables import result_tables

DIFFERENT = {
    "preset": ("iros2018", "readme", "solve"),
    "learning.optimizer": ("sgd", "someone_elses_package.optimizers:lookahead", "adam"),
    "learning.baseline_time": (330000.0, 1.65e6, 1e9),
    "learning.repulsive": (True, False, True),
}


def printed(tables):
    output = io.StringIO()
    Console(width=80, file=output).print(*tables)
    return output.getvalue()


def shown(found):
    return printed(comparison_tables(group_rows(found), pair_rows(found), found.differences))


@pytest.mark.parametrize("amount", [1, 3, 20])
def test_names_stay_on_one_line_and_differ(amount):
    labels = [f"{LONG} {number}" for number in range(amount)]
    text = shown(comparison([(label, [2_460_000_000] * 60) for label in labels]))
    assert max(map(len, text.splitlines())) <= 80
    lines = [line for line in text.splitlines() if "60 members, 2.46G steps" in line]
    assert len(lines) == amount
    assert "fal\u2026" not in text and "falls" in text
    names = [text.splitlines()[number - 1][:29] for number, line in enumerate(text.splitlines()) if line in lines]
    assert len(set(names)) == amount


def test_few_groups_have_a_column_of_what_differs():
    found = comparison([(f"{LONG} {number}", [24_000]) for number in range(3)])
    labels = [group.label for group in found.groups]
    rows = [{"key": key, **dict(zip(labels, values, strict=True))} for key, values in DIFFERENT.items()]
    text = shown(replace(found, differences=rows))
    lines = text[text.index("what differs") :].splitlines()
    found = {line.split()[0]: line.split()[1:] for line in lines if "." in line.split(" ", 2)[1]}
    assert found["learning.repulsive"] == ["true", "false", "true"]
    assert found["learning.baseline_time"] == ["330000", "1.65e+06", "1e+09"]


def test_of_many_groups_values_are_counted():
    found = comparison([(str(number), [24_000]) for number in range(8)])
    row = {"key": "learning.repulsive", **{str(number): number > 2 for number in range(8)}}
    text = shown(replace(found, differences=[row]))
    assert "learning.repulsive  3: false, 5: true" in text
    assert "the other 21 pairs are in pairs.csv" in text


def test_a_point_has_three_lines_at_most():
    results = sweep(
        grid={
            "learning.optimizer": ["sgd", "someone_elses_package.optimizers:lookahead"],
            "learning.baseline_time": [1e5 / 3, 1e7 / 3],
            "neuron.adaptation": ["none", "nonlinear"],
            "learning.learning_rate": [1.2345e-5, 8e-05],
        }
    )
    text = printed(result_tables(results)[:1])
    assert max(map(len, text.splitlines())) <= 80
    assert len(text.splitlines()) <= 5 + 3 * 16
