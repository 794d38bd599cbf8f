"""Population-based training: between rounds, copies of better members replace those that lag.

A copy takes on what its parent has learned, and multiplies or divides some of the hyperparameters by a factor. This
finds one good walker, and hyperparameters that change as it learns. Members that copy each other are not independent:
however many they are, a run with selection is one sample.

A member's score is the mean return of its last training episodes. They take no terrain that is held out: to select on
the validation set would make every later score on it that of a choice, not of a walker.
Source: Jaderberg et al., Population Based Training of Neural Networks, arXiv:1711.09846, 2017.
"""

from dataclasses import fields
from typing import Any, NamedTuple

import jax
import numpy as np
from pydantic import TypeAdapter, ValidationError

from dsjax import population
from dsjax.config.schema import Config
from dsjax.controller import ControllerParams
from dsjax.population import PopulationState
from dsjax.storage import hyperparameters

_SELECTION = 2  # purpose of these seeds, so that no others draw the same: those of training's episodes have 1


class Selected(NamedTuple):
    """A population after selection."""

    state: PopulationState
    params: ControllerParams  # leaves (N,)
    source: np.ndarray  # (N,) int, the member that each continues as: itself, or the parent that it copied
    lineage: dict[str, list]  # columns of tables.SCHEMAS["selections"]: a row per copy and perturbed number


def due(config: Config, number: int) -> bool:
    """Return whether members are selected after the round of this number."""
    every = config.selection.every
    return every > 0 and number % every == 0


def select(
    config: Config, number: int, score: np.ndarray, state: PopulationState, params: ControllerParams
) -> Selected:
    """Replace members that lag by copies of better ones.

    A copy takes on all that its parent has learned, its optimizer's memory and amplitude included, and the parent's
    numbers, of which those of `selection.keys` are multiplied or divided by `selection.perturb`, as chance has it. It
    keeps its own key, so its random stream, and walks on its own terrains. A number that would leave the range of its
    key stays the parent's. All is determined by the arguments: chance is drawn from the run's seed and the round.

    Args:
      config: of the run.
      number: of the round just done.
      score: (N,) mean training return; nan for a member that has completed no episode.
      state: PopulationState. Members that were stopped count as the worst; as copies they run again.
      params: ControllerParams with leaves (N,).

    Returns:
      Selected; all but the copies' own is bit-equal.
    """
    keys, factor = config.selection.keys, config.selection.perturb
    chance = _chance(config.seed, number, (len(score), 1 + len(keys)))
    score = np.where(np.asarray(state.running) & np.isfinite(score), score, -np.inf)
    source = sources(score, config.selection.share, chance[:, 0])
    copies = np.flatnonzero(source != np.arange(len(source)))
    state = population.select(state, source)._replace(key=state.key)
    params = jax.tree.map(lambda leaf: leaf[source], params)
    before = hyperparameters.varied(config, params)
    after = {
        key: _perturbed(key, before[key], factor, chance[:, column] < 0.5, copies)
        for column, key in enumerate(keys, start=1)
    }
    rows = [
        (number, member, source[member], score[member], score[source[member]], key, before[key][member], values[member])
        for member in copies
        for key, values in after.items()
    ]
    names = ("round", "member", "parent", "score", "parent_score", "key", "before", "after")
    lineage = {name: [row[place] for row in rows] for place, name in enumerate(names)}
    return Selected(state, hyperparameters.replaced(params, after), source, lineage)


def sources(score: np.ndarray, share: float, chance: np.ndarray) -> np.ndarray:
    """Return the member that each continues as: itself, or for one of the worst, one of the best that scores higher.

    Args:
      score: (N,), not nan; -inf for none.
      share: of the members that are among the worst, and among the best; one at least, and half of them at most.
      chance: (N,) in [0, 1), which says whom a member copies.

    Returns:
      (N,) int.
    """
    members = len(score)
    count = min(max(1, int(share * members)), members // 2)
    order = np.argsort(-score, kind="stable")  # of two that score alike, the first is the better
    source = np.arange(members)
    for member in order[members - count :]:
        better = [other for other in order[:count] if score[other] > score[member]]
        if better:
            source[member] = better[int(chance[member] * len(better))]
    return source


def _chance(seed: int, number: int, shape: tuple[int, int]) -> np.ndarray:
    """Return numbers in [0, 1): hashes, so that another version of a random generator does not change them."""
    words = np.random.SeedSequence(seed, spawn_key=(_SELECTION, number)).generate_state(int(np.prod(shape)))
    return words.reshape(shape) / 2**32


def _perturbed(key: str, values: np.ndarray, factor: float, up: np.ndarray, copies: np.ndarray) -> np.ndarray:
    """Return the members' values, (N,), of which the copies' are multiplied where `up`, and divided elsewhere."""
    changed = values.copy()
    for member in copies:
        value = values[member] * factor if up[member] else values[member] / factor
        if _in_range(key, float(value)):
            changed[member] = value
    return changed


def _in_range(key: str, value: float) -> bool:
    """Return whether a config may have this number."""
    annotated: Any = Config
    for part in key.split("."):
        annotated = next(item.type for item in fields(annotated) if item.name == part)
    try:
        TypeAdapter(annotated).validate_python(value)
    except ValidationError:
        return False
    return True
