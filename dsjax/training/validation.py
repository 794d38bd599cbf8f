"""Evaluation between rounds: frozen centers on the held-out terrains that training selects on."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np

from dsjax.controller import ControllerParams, ControllerSpec
from dsjax.envs.task import SOLVED_EPISODES, SOLVED_RETURN
from dsjax.envs.vector import GroupedVectorEnv
from dsjax.evaluation.evaluate import evaluate
from dsjax.population import PopulationState
from dsjax.training.episode_stats import EpisodeStats

_TERRAINS = "validation-v1"


def validate(
    envs: GroupedVectorEnv, state: PopulationState, spec: ControllerSpec, params: ControllerParams,
    stats: EpisodeStats, paused: np.ndarray, episodes: int, check: Callable[[float], None],
) -> dict[str, Any]:  # fmt: skip
    """Evaluate the frozen centers of all members that were not stopped, and count the result in the statistics.

    A member whose mean reaches the return that counts as solved plays the rest of the 100 terrains too.

    Args:
      envs: walkers with gymnasium's own physics.
      state: PopulationState.
      spec: ControllerSpec.
      params: ControllerParams with leaves (N,).
      stats: that count it.
      paused: (N,) bool, members that are solved already: they play no more than the first terrains.
      episodes: terrains per member.
      check: called once a step with the share that is done, in [0, 1]; may raise to end the evaluation.

    Returns:
      Columns of `tables.SCHEMAS["evaluations"]`; none if every member was stopped.
    """
    members = np.flatnonzero(np.asarray(state.running))
    if not len(members):
        return {}
    play = partial(evaluate, envs, state, spec, params, check=check)
    columns = play(members, range(episodes))
    undecided = members[~paused[members]]
    promising = [member for member in undecided if _returns(columns, member).mean() >= SOLVED_RETURN]
    further = range(episodes, SOLVED_EPISODES)
    if promising and further:
        more = play(promising, further)
        columns = {name: [*columns[name], *more[name]] for name in columns}
    for member in members:
        stats.count_evaluation(member, _returns(columns, member))
    about = {"round": int(stats.rounds), "weights": "centers", "terrains": _TERRAINS}
    rows = len(columns["member"])
    return {name: [value] * rows for name, value in about.items()} | {"step": stats.steps[columns["member"]]} | columns


def _returns(columns: Mapping[str, Sequence], member: int | np.integer) -> np.ndarray:
    return np.asarray(columns["return"])[np.asarray(columns["member"]) == member]
