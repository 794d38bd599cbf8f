"""Tables of a comparison for the terminal, narrow enough for 80 columns, with names on one line."""

from collections.abc import Sequence
from itertools import groupby
from typing import Any

from rich.table import Table

from dsjax.analysis.formats import count, interval, number, short_number, shorten, shorten_all
from dsjax.analysis.members import UNITS
from dsjax.cli.terminal import PlainTable
from dsjax.envs.task import SOLVED_RETURN

_NAME = 28  # letters of a group's name
_KEY = 26  # letters of a config key
_ROOM = 50  # letters of all groups' values in the table of differences, beside the key
_MOST_GROUPS = 4  # that have a column each in it
_MOST_PAIRS = 15  # beyond which each group is compared with the first one only, as in the figure


def comparison_tables(groups: Sequence[dict], pairs: Sequence[dict], differences: Sequence[dict]) -> list[Table]:
    """Return the tables of a comparison's rows: returns by group, when solved, pairs of groups, and what differs.

    "learning" is each member's mean over its last 100 training episodes, "frozen" that of its frozen centers' last
    episodes; shown are interquartile means over members with their 95 % bootstrap intervals.
    """
    tables = (_returns_table(groups), _solved_table(groups), _pairs_table(pairs), _differences_table(differences))
    return [table for table in tables if table.rows]


def _returns_table(groups: Sequence[dict]) -> Table:
    table = PlainTable(f"returns, IQM over members and its 95 % interval\nfrozen on {groups[0]['terrains']}")
    table.add_column("group", no_wrap=True)
    for name in ("learning", "frozen", "worst", "best", "falls"):
        table.add_column(name, justify="right", no_wrap=True)
    for row, name in zip(groups, _names(groups), strict=True):
        table.add_row(
            f"{name}\n{count(row['members'], 'member')}, {short_number(row['median_steps'])} steps",
            *(_with_interval(row, f"{what}_iqm") for what in ("training", "frozen")),
            number(row["frozen_worst"]), number(row["frozen_best"]), number(row["fall_rate"], ".0%"),
        )  # fmt: skip
    return table


def _solved_table(groups: Sequence[dict]) -> Table:
    table = PlainTable(f"solved: a mean of {SOLVED_RETURN:.0f}; medians by Kaplan-Meier")
    table.add_column("group", no_wrap=True)
    for name in ("rule", "solved", "median steps", "median episodes"):
        table.add_column(name, justify="right", no_wrap=True)
    for row, label in zip(groups, _names(groups), strict=True):
        for rule, name in (("training", "learning"), ("frozen", "frozen")):
            medians = (row[f"{rule}_solved_median_{unit}s"] for unit in UNITS)
            share = f"{row[f'{rule}_solved']}/{row['members']}"
            table.add_row(label if rule == "training" else "", name, share, *(number(m, ",.0f") for m in medians))
    return table


def _pairs_table(rows: Sequence[dict]) -> Table:
    table = PlainTable("probability of a higher frozen return [95 %]")
    for header in ("a member of", "over one of"):
        table.add_column(header, no_wrap=True)
    table.add_column("probability", justify="right", no_wrap=True)
    labels = list(dict.fromkeys(label for row in rows for label in (row["first"], row["second"])))
    name = dict(zip(labels, shorten_all(labels, _NAME), strict=True))
    shown = rows
    if len(rows) > _MOST_PAIRS:
        shown = [row for row in rows if row["first"] == labels[0]]
        table.add_caption(f"the other {count(len(rows) - len(shown), 'pair')} are in pairs.csv")
    for row in shown:
        span = f"{row['probability']:.2f} [{interval(row['low'], row['high'], '.2f', ', ')}]"
        table.add_row(name[row["first"]], name[row["second"]], span)
    return table


def _differences_table(rows: Sequence[dict]) -> Table:
    """Return the table of the config keys in which groups differ: a column per group, or of many groups all values."""
    table = PlainTable("what differs")
    table.add_column("key", no_wrap=True)
    labels = list(rows[0])[1:] if rows else []
    if len(labels) > _MOST_GROUPS:
        table.add_column("groups: value")
        for row in rows:
            table.add_row(shorten(row["key"], _KEY), _counted([row[label] for label in labels]))
        return table
    room = _ROOM // max(len(labels), 1) - 1
    for name in shorten_all(labels, room):
        table.add_column(name, justify="right", no_wrap=True)
    for row in rows:
        values = shorten_all([_value(row[label]) for label in labels], room)
        table.add_row(shorten(row["key"], _KEY), *values)
    return table


def _counted(values: Sequence[Any]) -> str:
    """Return how many groups have which value."""
    return ", ".join(f"{len(list(alike))}: {value}" for value, alike in groupby(sorted(map(_value, values))))


def _value(value: Any) -> str:
    """Return a config's value as in a config file, in few digits."""
    if isinstance(value, bool):
        return str(value).lower()
    return f"{value:g}" if isinstance(value, int | float) else str(value)


def _names(groups: Sequence[dict]) -> list[str]:
    return shorten_all([row["group"] for row in groups], _NAME)


def _with_interval(row: dict, name: str) -> str:
    return f"{number(row[name])}\n{interval(row[name + '_low'], row[name + '_high'], '.0f')}"
