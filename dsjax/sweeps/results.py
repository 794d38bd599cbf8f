"""Results of a sweep: its points ranked, and the effect of each swept key.

Every point has the same members: the same initial state, the same terrains. So the same member at two points is a
pair, and what varies from member to member cancels in their difference.
"""

import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from dsjax.analysis.comparison import Comparison, Group, held_out, notes_on
from dsjax.analysis.members import is_scored, member_histories
from dsjax.analysis.stats import interval, iqm
from dsjax.config import loading
from dsjax.errors import RunError
from dsjax.storage.run import read_run
from dsjax.storage.tables import rounds_of
from dsjax.sweeps.plan import Plan, read_plan


@dataclass(frozen=True)
class SweepResults:
    """The members of a sweep, by point."""

    folder: Path
    plan: Plan
    groups: dict[int, Group]  # by point; those with nothing recorded yet are missing, and noted
    terrains: str  # set on which the final frozen centers walked
    notes: list[str]

    def comparison(self) -> Comparison:
        """Return the points as groups to compare."""
        return Comparison(list(self.groups.values()), self.terrains, self.notes, [])

    def measure(self) -> str:
        """Return what `scores` are: returns of the frozen centers, or if nothing was evaluated those of training."""
        evaluated = any(len(group.scores()) for group in self.groups.values())
        return f"return of the frozen centers on {self.terrains}" if evaluated else "return of the last episodes"

    def scores(self) -> np.ndarray:
        """Return each member's final mean return, (points, members); nan where there is none."""
        frozen = self.measure().startswith("return of the frozen")
        scores = np.full((len(self.plan.points), self.plan.jobs[0].config.members), np.nan)
        for point, group in self.groups.items():
            for place, member in enumerate(group.members):
                if frozen or len(member.recent):
                    scores[point, place] = member.score if frozen else member.recent.mean()
        return scores

    def is_grid(self) -> bool:
        """Return whether its points are combinations of few values, or else drawn at random."""
        return len(self.plan.points) == math.prod(len(self.values(key)) for key in self.plan.keys)

    def values(self, key: str) -> list:
        """Return the values that a swept key takes, in the order of the points."""
        return list(dict.fromkeys(point[key] for point in self.plan.points))

    def at(self, wanted: dict) -> np.ndarray:
        """Return which points have the given values of swept keys, (points,) bool."""
        return np.array([all(point[key] == value for key, value in wanted.items()) for point in self.plan.points])


def read_results(folder: Path) -> SweepResults:
    """Read a sweep, finished or not.

    Raises:
      RunError: nothing is recorded yet, or something cannot be read.
    """
    folder, plan = Path(folder), read_plan(folder)
    found, notes = {}, []
    for job in plan.jobs:
        if rounds_of(job.folder(folder), "members"):
            found[job.name] = run = read_run(job.folder(folder))
            if (run.config.points, run.config.members) != (job.config.points, job.config.members):
                raise RunError(
                    f"{run.folder}: its points are not those that {folder} plans: an older dsjax counted samples that "
                    f"repeat others; compare its jobs as runs"
                )
            notes += run.notes
        else:
            notes.append(f"{job.name}: nothing is recorded; points {', '.join(map(str, job.points))} are missing")
    if not found:
        raise RunError(f"{folder}: nothing is recorded yet; wait for the end of a first round")
    # All on the same terrains, or the comparison would be of terrains.
    scored = all(map(is_scored, found.values()))
    groups = {}
    for job in plan.jobs:
        members = member_histories(found[job.name], scored) if job.name in found else []
        for place, point in enumerate(job.points if members else ()):
            mine = members[place * job.config.members : (place + 1) * job.config.members]
            groups[point] = Group(label(plan, point), mine)
    groups = dict(sorted(groups.items()))
    return SweepResults(
        folder, plan, groups, "test-v1" if scored else held_out(found.values()), notes + notes_on(list(groups.values()))
    )


def label(plan: Plan, point: int) -> str:
    """Return what to call a point: its values of the swept keys."""
    return ", ".join(loading.described(key, value) for key, value in plan.points[point].items())


def point_rows(results: SweepResults) -> list[dict]:
    """Return one row per point with records, best first: IQM over members of their final return, with its interval."""
    scores = results.scores()
    rows = [
        {
            "point": point,
            **results.plan.points[point],
            "members": len(group.members),
            "stopped": sum(not member.running for member in group.members),
            **_summary(scores[point]),
            "worst": _finite(scores[point]).min(initial=np.inf),
            "best": _finite(scores[point]).max(initial=-np.inf),
            "training_iqm": iqm([member.recent.mean() for member in group.members if len(member.recent)]),
            "fall_rate": float(np.mean([member.fall_rate for member in group.members])),
            "solved": sum(member.solved_at("frozen", "step") >= 0 for member in group.members),
        }
        for point, group in results.groups.items()
    ]
    rows.sort(key=lambda row: (np.isnan(row["iqm"]), -row["iqm"]))
    return [{"rank": rank, **row} for rank, row in enumerate(rows, 1)]


def effect(results: SweepResults, key: str, value: object) -> np.ndarray:
    """Return each member's mean final return over all points with a value of a key, (members,).

    The main effect: everything else that is swept is averaged over. A member counts with the points where it has one.
    """
    there = results.scores()[results.at({key: value})]
    counts = np.isfinite(there).sum(axis=0)
    return np.where(counts > 0, np.nansum(there, axis=0) / np.maximum(counts, 1), np.nan)


def effect_rows(results: SweepResults) -> list[dict]:
    """Return one row per value of each swept key: its main effect, and the paired difference from the first value."""
    rows = []
    for key in results.plan.keys:
        first = effect(results, key, results.values(key)[0])
        for value in results.values(key):
            mine = effect(results, key, value)
            difference = _summary(mine - first)
            rows.append(
                {
                    "key": key,
                    "value": value_label(value),
                    **_summary(mine),
                    **{f"difference_{name}": number for name, number in difference.items()},
                }
            )
    return rows


def value_label(value: object) -> str:
    """Return a value as short text."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:g}" if isinstance(value, int | float) else str(value)


def _summary(values: np.ndarray) -> dict[str, float]:
    values = _finite(values)
    low, high = interval(values)
    return {"iqm": iqm(values), "low": float(low), "high": float(high)}


def _finite(values: np.ndarray) -> np.ndarray:
    return values[np.isfinite(values)]
