"""A comparison in numbers: rows per group, per pair of groups and per member, as in its figures."""

import re
from collections.abc import Sequence
from functools import partial
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from pyarrow import csv

from dsjax.analysis import stats
from dsjax.analysis.comparison import Comparison, Group
from dsjax.analysis.formats import interval, number
from dsjax.analysis.members import RULES, UNITS
from dsjax.analysis.stats import improvement, iqm, share_interval, survival
from dsjax.storage.atomic import make_folder, write_whole


def group_rows(comparison: Comparison) -> list[dict]:
    """Return one row per group: statistics over its members, with 95 % intervals.

    "training" are returns of oscillating, learning controllers, each member's mean over its last 100 episodes;
    "frozen" each member's mean over its last episodes with frozen centers. Times to solve are medians by Kaplan-Meier:
    inf if half of the members are never seen solved. Shares of members solved have Wilson's intervals.
    """
    return [_group_row(group, comparison.terrains) for group in comparison.groups]


def _group_row(group: Group, terrains: str) -> dict[str, Any]:
    members = group.members
    training, frozen = np.array([m.recent.mean() for m in members if len(m.recent)]), group.scores()
    row = {
        "group": group.label,
        "members": len(members),
        "stopped": sum(not member.running for member in members),
        "evaluated": len(frozen),
        "terrains": terrains,
        **{f"median_{unit}s": float(np.median([m.trained(unit) for m in members])) for unit in UNITS},
        **_with_interval("training_iqm", training),
        "frozen_mean": frozen.mean() if len(frozen) else np.nan,
        **_with_interval("frozen_iqm", frozen),
        "frozen_worst": frozen.min(initial=np.inf) if len(frozen) else np.nan,
        "frozen_best": frozen.max(initial=-np.inf) if len(frozen) else np.nan,
        "fall_rate": np.mean([m.fall_rate for m in members if len(m.final["outcome"])]) if len(frozen) else np.nan,
    }
    for rule in RULES:
        solved = row[f"{rule}_solved"] = sum(member.solved_at(rule, "step") >= 0 for member in members)
        row[f"{rule}_solved_low"], row[f"{rule}_solved_high"] = share_interval(solved, len(members))
        for unit in UNITS:
            solved_at = [member.solved_at(rule, unit) for member in members]
            row[f"{rule}_solved_median_{unit}s"] = survival(solved_at, group.watched(unit)).median
    return row


def _with_interval(name: str, values: np.ndarray) -> dict[str, float]:
    low, high = stats.interval(values)
    return {name: iqm(values), f"{name}_low": float(low), f"{name}_high": float(high)}


def pair_rows(comparison: Comparison) -> list[dict]:
    """Return one row per two groups: the probability that a member of the first scores more than one of the second."""
    rows = []
    for first, second in combinations(comparison.groups, 2):
        if len(first.scores()) and len(second.scores()):
            value, low, high = improvement(first.scores(), second.scores())
            rows.append({"first": first.label, "second": second.label, "probability": value, "low": low, "high": high})
    return rows


def member_rows(comparison: Comparison) -> list[dict]:
    """Return one row per member; times to solve are -1 where a rule was not met."""
    return [
        {
            "group": group.label,
            "run": str(member.run.folder),
            "seed": np.uint64(member.run.config.seed),  # of 64 bits
            "member": member.index,
            "identity": member.identity,
            "running": member.running,
            "steps": member.trained("step"),
            "episodes": member.trained("episode"),
            "training_mean": float(member.recent.mean()) if len(member.recent) else np.nan,
            "frozen_mean": member.score,
            "frozen_std": float(np.std(member.final["return"], ddof=1)) if len(member.final["return"]) > 1 else np.nan,
            "frozen_worst": float(member.final["return"].min()) if len(member.final["return"]) else np.nan,
            "frozen_episodes": len(member.final["return"]),
            "terrains": comparison.terrains,
            "fall_rate": member.fall_rate,
            **{name: float(member.rounds[name][-1]) for name in ("amplitude", "sensitivity", "drift")},
            **{f"{rule}_solved_{unit}": member.solved_at(rule, unit) for rule in RULES for unit in UNITS},
        }
        for group in comparison.groups
        for member in group.members
    ]


def difference_rows(comparison: Comparison) -> list[dict]:
    """Return one row per config key in which groups differ: the key, and each group's value as text."""
    return [{name: str(value) for name, value in row.items()} for row in comparison.differences]


_PAGE_COLUMNS = (
    "group", "members", "steps each", "solved, learning", "solved, frozen", "steps to solve, frozen",
    "episodes to solve, frozen", "learning, IQM", "frozen, mean", "frozen, IQM", "worst", "falls",
)  # fmt: skip


def markdown(groups: Sequence[dict]) -> str:
    """Return the rows of `group_rows` as a table in Markdown, for people."""
    lines = [_PAGE_COLUMNS, ["---"] * len(_PAGE_COLUMNS)]
    for row in groups:
        medians = [row[f"frozen_solved_median_{unit}s"] for unit in UNITS]
        lines.append([
            _cell(row["group"]), str(row["members"]), f"{row['median_steps']:,.0f}",
            *(_span(row, f"{rule}_solved", "d", ".0%") for rule in RULES),
            *(number(median, ",.0f") for median in medians), _span(row, "training_iqm"),
            number(row["frozen_mean"]), _span(row, "frozen_iqm"), number(row["frozen_worst"]),
            number(row["fall_rate"], ".1%"),
        ])  # fmt: skip
    return "".join(f"| {' | '.join(cells)} |\n" for cells in lines)


def _cell(text: str) -> str:
    """Return a text as a cell of a table in Markdown."""
    return re.sub(r"([\\`*_<>|\[\]])", r"\\\1", text).replace("\n", " ")


def _span(row: dict[str, Any], name: str, form: str = ".1f", bounds: str = ".1f") -> str:
    value, low, high = row[name], row[f"{name}_low"], row[f"{name}_high"]
    return f"{value if form == 'd' else number(value, form)} [{interval(low, high, bounds, ', ')}]"


def write_csv(tables: dict[str, list[dict]], folder: Path) -> list[Path]:
    """Write rows as FOLDER/NAME.csv, those tables that have any; return their paths."""
    folder = Path(folder)
    make_folder(folder)
    paths = []
    for name, rows in tables.items():
        if rows:
            table = pa.Table.from_pylist(rows)
            paths.append(folder / f"{name}.csv")
            write_whole(paths[-1], partial(csv.write_csv, table))
    return paths


def evaluation_rows(evaluations: pa.Table) -> list[dict[str, Any]]:
    """Return how the members' frozen centers came along: one row per evaluation.

    Args:
      evaluations: pyarrow Table, as tables.SCHEMAS["evaluations"].

    Returns:
      [{round, members, steps (mean over members), median, iqm, worst, best, fall_rate, length}]: statistics over
      members of each one's mean return, the share of all episodes that ended in a fall, and their mean length.
    """
    columns = {
        name: evaluations[name].to_numpy() for name in ("round", "member", "step", "return", "outcome", "length")
    }
    curve = []
    for round_ in np.unique(columns["round"]):
        members, steps, returns, outcomes, lengths = (
            columns[name][columns["round"] == round_] for name in ("member", "step", "return", "outcome", "length")
        )
        means = np.array([returns[members == member].mean() for member in np.unique(members)])
        curve.append(
            {
                "round": int(round_),
                "members": len(means),
                "steps": float(np.mean([steps[members == member][0] for member in np.unique(members)])),
                "median": float(np.median(means)),
                "iqm": iqm(means),
                "worst": float(means.min()),
                "best": float(means.max()),
                "fall_rate": float(np.mean(outcomes == "fell")),
                "length": float(np.mean(lengths)),
            }
        )
    return curve
