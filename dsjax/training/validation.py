"""Evaluation between rounds: frozen centers on the held-out terrains that training selects on."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from dsjax.envs.task import SOLVED_EPISODES, SOLVED_RETURN
from dsjax.training.episode_stats import EpisodeStats


def validate(
    play: Callable[[np.ndarray, range], dict[str, list]], running: np.ndarray, stats: EpisodeStats, episodes: int,
    terrains: str,
) -> dict[str, Any]:  # fmt: skip
    """Evaluate the frozen centers of all members that were not stopped, and count the result in the statistics.

    A member that is not solved yet, and whose mean reaches the return that counts as solved, plays the rest of the 100
    terrains too. Whether it is solved is asked once: further terrains would take longer than many rounds.

    Args:
      play: (members, terrains) -> columns, as `evaluation.evaluate` returns them.
      running: (N,) bool, members that were not stopped.
      stats: that count it.
      episodes: terrains per member.
      terrains: name of their set.

    Returns:
      Columns of `tables.SCHEMAS["evaluations"]`; none if every member was stopped.
    """
    members = np.flatnonzero(running)
    if not len(members):
        return {}
    columns = play(members, range(episodes))
    means = {member: returns.mean() for member, returns in _returns(columns).items()}
    unsolved = members[stats.frozen_solved_step[members] < 0]
    promising = np.array([member for member in unsolved if means[member] >= SOLVED_RETURN], int)
    further = range(episodes, SOLVED_EPISODES)
    if len(promising) and further:
        more = play(promising, further)
        columns = {name: [*columns[name], *more[name]] for name in columns}
    for member, returns in _returns(columns).items():
        stats.count_evaluation(member, returns)
    about = {"round": int(stats.rounds), "weights": "centers", "terrains": terrains}
    rows = len(columns["member"])
    return {name: [value] * rows for name, value in about.items()} | {"step": stats.steps[columns["member"]]} | columns


def _returns(columns: Mapping[str, Sequence]) -> dict[int, np.ndarray]:
    """Return each member's returns, in the order in which they were played."""
    member, returns = np.asarray(columns["member"]), np.asarray(columns["return"])
    order = np.argsort(member, kind="stable")
    members, firsts = np.unique(member[order], return_index=True)
    return dict(zip(members.tolist(), np.split(returns[order], firsts[1:]), strict=True))
