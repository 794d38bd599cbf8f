"""The history of each member of a run, from the run's tables: its episodes, its evaluations, how it ended."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from dsjax.config.schema import Config
from dsjax.envs.task import SOLVED_EPISODES
from dsjax.storage.run import Run

RULES = ("training", "frozen")  # for "solved": see `envs.task`
UNITS = ("step", "episode")  # of a member's time


@dataclass(frozen=True)
class Member:
    """The history of one member: columns of arrays by name."""

    run: Run
    index: int
    episodes: dict[str, np.ndarray]  # completed training episodes, (E,): step, length, return, outcome
    evaluations: dict[str, np.ndarray]  # of the frozen centers, (V,): step, mean return, tick (step of the vector env)
    rounds: dict[str, np.ndarray]  # (R,) as tables.SCHEMAS["members"]
    final: dict[str, np.ndarray]  # last episodes of the frozen centers, (terrains,): return, outcome
    scored: bool  # whether these are of the run's scores, and not of its last evaluation
    before: dict[str, int]  # in a branch what its parents had trained for, by unit of `UNITS`; counted in all times

    @cached_property
    def config(self) -> Config:
        """The config that trains it alone: that of its point."""
        return self.run.config.row(self.index)

    @property
    def identity(self) -> int:
        """Index that what is random in it follows from, the same at every point of a sweep."""
        return self.config.first_member

    @property
    def running(self) -> bool:
        """Whether it still trains, or did to the end: False once stopped for a value that was not finite."""
        return bool(self.rounds["running"][-1])

    @property
    def recent(self) -> np.ndarray:
        """Return of the last 100 completed training episodes, at most."""
        return self.episodes["return"][-SOLVED_EPISODES:]

    @property
    def score(self) -> float:
        """Mean return of the frozen centers at the end; nan if they were never evaluated."""
        return float(self.final["return"].mean()) if len(self.final["return"]) else float("nan")

    @property
    def fall_rate(self) -> float:
        """Share of the frozen centers' last episodes that ended in a fall; nan if they were never evaluated."""
        return float((self.final["outcome"] == "fell").mean()) if len(self.final["outcome"]) else float("nan")

    @property
    def paused(self) -> bool:
        """Whether it is paused: it stays as it is since its frozen centers were solved."""
        return self.config.rest_when_solved and self.solved_at("frozen", "step") >= 0

    def trained(self, unit: str) -> int:
        """Return for how long it has trained, in one of `UNITS`; episodes are completed ones."""
        return int(self.rounds["step" if unit == "step" else "episodes"][-1])

    def watched(self, unit: str) -> int:
        """Return until when it might have been solved, in one of `UNITS`.

        A run's members step side by side, and their steps differ by their resets alone. So each that still trains
        counts as watched for as long as any: or one solved in the last round would seem to have outlived the others.
        """
        ended = self.paused or 0 < self.config.episodes <= self.trained("episode")
        return self.trained(unit) if unit == "episode" or ended else self._end

    def solved_at(self, rule: str, unit: str) -> int:
        """Return when a rule of `RULES` was first met, in one of `UNITS`; -1 if not yet."""
        return int(self.rounds[f"{rule}_solved_{unit}"][-1])

    @property
    def _end(self) -> int:
        """Step of the run's end."""
        return int(pc.max(self.run.members["step"]).as_py()) + self.before["step"]


def member_histories(run: Run, scored: bool = False) -> list[Member]:
    """Return the history of every member of a run.

    Args:
      run: the run.
      scored: take the last episodes of the frozen centers from the run's scores; if not, from its last evaluation.
    """
    completed = run.episodes.filter(pc.not_equal(run.episodes["outcome"], "cut"))
    episodes = _by_member(run, completed, ("step", "length", "return", "outcome"))
    evaluations = _by_member(run, run.evaluations, ("round", "step", "return", "outcome"))
    final = _by_member(run, run.scores, ("return", "outcome")) if scored else list(map(_last, evaluations))
    rounds = _by_member(run, run.members, run.members.column_names)
    means = [_means(run.config, each) for each in evaluations]
    before = [{unit: run.before[unit][row] for unit in UNITS} for row in range(run.config.rows)]
    for each, own, seen, there in zip(episodes, means, rounds, before, strict=True):
        _count_before(each, own, seen, there)
    return [
        Member(run, row, episodes[row], means[row], rounds[row], final[row], scored, before[row])
        for row in range(run.config.rows)
    ]


def _count_before(episodes: dict, evaluations: dict, rounds: dict, before: dict[str, int]) -> None:
    """Count in all times what a branch's parents had trained for."""
    episodes["step"] = episodes["step"] + before["step"]
    for name in ("step", "tick"):
        evaluations[name] = evaluations[name] + before["step"]
    rounds["step"], rounds["episodes"] = rounds["step"] + before["step"], rounds["episodes"] + before["episode"]
    for rule in RULES:
        for unit in UNITS:
            name = f"{rule}_solved_{unit}"
            rounds[name] = np.where(rounds[name] >= 0, rounds[name] + before[unit], -1)


def is_scored(run: Run) -> bool:
    """Return whether the members, as they are now, have been scored on the reporting terrains."""
    last = run.members["round"].to_numpy().max()
    now = run.members.filter(pc.and_(pc.equal(run.members["round"], last), run.members["running"]))
    rounds, members = run.scores["round"].to_pylist(), run.scores["member"].to_pylist()
    return set(rounds) == {last} and set(now["member"].to_pylist()) <= set(members)


def _by_member(run: Run, table: pa.Table, names: Sequence[str]) -> list[dict[str, np.ndarray]]:
    """Return each member's rows, in order, as {name: array}."""
    member = table["member"].to_numpy()
    order = np.argsort(member, kind="stable")
    bounds = np.searchsorted(member[order], np.arange(run.config.rows + 1))
    columns = {name: table[name].to_numpy()[order] for name in names}
    return [{name: column[start:end] for name, column in columns.items()} for start, end in pairwise(bounds)]


def _means(config: Config, evaluations: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Return the mean return of each evaluation, of which one round has one, and when it was."""
    rounds, first, count = np.unique(evaluations["round"], return_index=True, return_counts=True)
    totals = np.add.reduceat(evaluations["return"], first) if len(first) else np.empty(0)
    ticks = np.minimum(rounds * config.round_steps, config.steps or np.inf)
    return {"step": evaluations["step"][first], "tick": ticks, "return": totals / count}


def _last(evaluations: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Return the episodes of the last evaluation."""
    now = evaluations["round"] == evaluations["round"].max(initial=-1)
    return {name: evaluations[name][now] for name in ("return", "outcome")}
