"""Initial states of branches: runs whose members start as copies of trained members of another run, or of a file."""

from pathlib import Path
from typing import Any

import jax
import numpy as np

from dsjax.config.schema import Config
from dsjax.controller import kind, synapse_params
from dsjax.errors import RunError
from dsjax.learning import LearningState
from dsjax.population import PopulationState
from dsjax.storage import pretrained
from dsjax.storage.metadata import read_before
from dsjax.storage.run import check_member, read_run_config
from dsjax.storage.states import from_file, load_snapshot, restored, untrained

# Keys of a config's learning on which it depends what a part of a LearningState remembers, and that part.
_MEMORIES = {"optimizer": "optimizer", "timed": "timing", "annealed": "earned"}


def initial_state(config: Config) -> tuple[PopulationState, dict[str, list[int]] | None]:
    """Return the population that a run begins with: untrained or, in a branch, as its parents with new streams.

    Returns:
      (PopulationState, what the parents of each row had trained for, their own parents included: {"step": (N,),
      "episode": (N,)}; None where there are none). Of a controller's file only the steps are known, and those of the
      run that it is from alone.

    Raises:
      RunError: a parent or its snapshot is not there, it was stopped, or there is not one for every member.
    """
    fresh, parent = untrained(config), config.parent
    if not parent.run:
        return fresh, None
    run = Path(parent.run)
    there, state, frozen, before = _parents(run, parent.round)
    parents = _parent_rows(config, there, frozen)
    for row in parents:
        check_member(run, there, row)
        if not state.running[row]:
            raise RunError(f"{parent.run}: member {row} was stopped for a value that was not finite")
    copies = jax.tree.map(lambda leaf: leaf[parents], state.members)
    copies = copies._replace(learning=_remembered(config, there, copies.learning, fresh.members.learning))
    if config.synapse.fluctuation != there.synapse.fluctuation:
        copies = copies._replace(synapses=_at_centers(config, fresh.members.synapses, copies.synapses.center))
    return fresh._replace(members=copies), {unit: values[parents].tolist() for unit, values in before.items()}


def _remembered(config: Config, there: Config, learned: LearningState, fresh: LearningState) -> LearningState:
    """Return what learning remembers of the parents, afresh where the branch's rule remembers something else."""
    was, now = there.learning, config.learning
    changed = [part for key, part in _MEMORIES.items() if getattr(was, key) != getattr(now, key)]
    return learned._replace(**{part: getattr(fresh, part) for part in changed})


def _at_centers(config: Config, fresh: Any, center: jax.Array) -> Any:
    """Return synapses that begin to vary, at their first amplitude, about centers that were learned, (N, 438)."""
    numbers = jax.vmap(synapse_params)(config.population_params())
    return jax.vmap(kind(config.spec()).at_center)(fresh, center, numbers)


def _parent_rows(config: Config, there: Config, frozen: np.ndarray) -> np.ndarray:
    """Return the row of the parent run that each row of a branch begins as, (N,) int; `frozen` as for `best_of`."""
    parent = config.parent
    if not parent.best_of:
        return np.full(config.rows, parent.member)
    best = best_of_groups(Path(parent.run), there, frozen, parent.best_of)
    # Identities are groups, counted as if the parents were members of one run: it may have been trained in parts.
    group = np.array(config.identities()) - there.first_member // parent.best_of
    if group.min() < 0 or group.max() >= len(best):
        raise RunError(f"{parent.run}: it has {len(best)} groups of {parent.best_of}, and not one for every member")
    return best[group]


def best_of_groups(folder: Path, run: Config, frozen: np.ndarray, size: int) -> np.ndarray:
    """Return the best of every `size` members of a run, in order, by their frozen returns.

    Args:
      folder: of the run, for messages.
      run: its config.
      frozen: (N,) last mean frozen return of each member, nan where there is none.
      size: of a group.

    Returns:
      (N // size,) int: members.

    Raises:
      RunError: the members are not independent, do not make up whole groups, or none of a group's has a return.
    """
    if run.points or run.selection.every:
        raise RunError(f"{folder}: --best-of takes a run of independent members, at one point")
    if size < 1 or run.members % size or run.first_member % size:
        these = f"members {run.first_member} to {run.first_member + run.members - 1}"
        raise RunError(f"{folder}: {these} do not make up groups of {size}, for --best-of")
    groups = np.where(np.isfinite(frozen), frozen, -np.inf).reshape(-1, size)
    if np.isneginf(groups.max(axis=1)).any():
        raise RunError(f"{folder}: no member of a group has been evaluated; see evaluation.every")
    return np.arange(len(groups)) * size + groups.argmax(axis=1)


def _parents(run: Path, number: int) -> tuple[Config, PopulationState, np.ndarray, dict[str, np.ndarray]]:
    """Return the config of a run, or of a shipped controller, its population, and what its members have done.

    That is their last frozen returns, (N,), nan where there is none, and for how long they have trained, (N,) by unit.
    """
    if (name := pretrained.name_of(run)) is not None:
        config, state, origin = from_file(name)
        before = {"step": np.array([origin["steps"]]), "episode": np.zeros(1, int)}
        return config, state, np.full(1, np.nan), before
    config, arrays = read_run_config(run), load_snapshot(run, number)
    own = {"step": arrays["tally.steps"], "episode": arrays["tally.completed"]}
    before = {unit: own[unit] + np.array(values) for unit, values in read_before(run, config.rows).items()}
    return config, restored(config, arrays), arrays["tally.frozen_return"], before
