"""Score a run's trained members on held-out terrains, from its snapshots."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa

from dsjax.analysis.formats import count
from dsjax.envs.make import choose, make_vector
from dsjax.envs.task import TerrainSet, Weights
from dsjax.errors import RunError, explain_os_error
from dsjax.evaluation.controllers import Controllers, load_controllers
from dsjax.evaluation.evaluate import evaluate
from dsjax.storage.tables import SCHEMAS, read_scores_file, scores_path, write_parquet

_SLOTS = 32  # envs side by side; more gain nothing


@dataclass(frozen=True)
class Score:
    """The outcome of scoring a run."""

    table: pa.Table  # one row per episode played, as tables.SCHEMAS["evaluations"]
    path: Path | None  # of the Parquet file that holds it; None if it is not stored
    run: Path
    snapshot: int  # round
    weights: Weights
    terrains: TerrainSet
    notes: list[str]  # caveats for the reader


def score_run(
    run: Path, episodes: int = 100, members: Sequence[int] = (), snapshot: str = "latest",
    weights: Weights = "centers", terrains: TerrainSet = "test-v1", backend: str = "auto", render: bool = False,
    output: Path | None = None, force: bool = False, check: Callable[[float], None] = lambda done: None,
) -> Score:  # fmt: skip
    """Play episodes and store them: of a run's members, beside those that RUN/scores holds already.

    Args:
      run: run folder; or "pretrained:NAME", or a controller's file.
      episodes: terrains per member, the first ones of the set.
      members: which members; all that were not stopped if empty.
      snapshot: "latest", "best" or a round.
      weights: what acts; neither learns.
      terrains: terrain set.
      backend: one of `envs.make.BACKENDS` but for envpool.
      render: show the first member alone in a window.
      output: Parquet file for the episodes, instead of RUN/scores.
      force: replace episodes that are stored with another result, and a file that is there.
      check: called once a step with the share that is done, in [0, 1].

    Raises:
      RunError: there is no such run, snapshot or member, or a file of this name is there.
    """
    if episodes < 1:
        raise RunError(f"--episodes {episodes}: at least 1 is needed")
    if output and output.exists() and not force:
        raise RunError(f"{output} is there already; choose another --output, or replace it with --force")
    loaded, notes = load_controllers(run, snapshot), []
    chosen = loaded.members(members)
    if render and len(chosen) > 1:
        chosen = chosen[:1]
        notes.append(f"--render shows member {chosen[0]} alone; the others are not scored")
    columns: dict[str, Any] = play(loaded, chosen, range(episodes), weights, terrains, backend, render, check)
    rows = len(columns["member"])
    about = {"round": loaded.round, "weights": weights, "terrains": terrains}
    columns |= {name: [value] * rows for name, value in about.items()}
    columns["step"] = loaded.steps[columns["member"]]
    table = pa.table(columns, schema=SCHEMAS["evaluations"])
    path = output or (scores_path(run, loaded.round, weights, terrains) if loaded.in_run() else None)
    try:
        if output:
            write_parquet(output, table)
        elif path:
            notes += _add(path, table, force)
    except OSError as error:  # all episodes are played: let them be seen at least
        notes.append(f"the scores are not stored: {explain_os_error(error)}")
        path = None
    return Score(table, path, run, loaded.round, weights, terrains, notes)


def _add(path: Path, table: pa.Table, force: bool) -> list[str]:
    """Add episodes to a file of the same snapshot; return notes on what was done."""
    merged, differing = merge_scores(read_scores_file(path), table, force)
    write_parquet(path, merged)
    if not differing:
        return []
    what = "replaced" if force else "kept as stored; --force replaces them"
    many = count(differing, "episode is", "episodes are")
    return [f"{many} stored with another result, of another machine or version; {what}"]


def merge_scores(there: pa.Table, new: pa.Table, force: bool = False) -> tuple[pa.Table, int]:
    """Return the episodes of two evaluations of the same snapshot, one per member and terrain, in order.

    Args:
      there: stored rows, as tables.SCHEMAS["evaluations"]; of an episode that both have, they are kept.
      new: rows just played.
      force: keep the new ones instead.

    Returns:
      (rows, how many episodes both have with different results).
    """
    first, second = (new, there) if force else (there, new)
    rows = {(row["member"], row["terrain"]): row for row in second.to_pylist()}
    kept = {(row["member"], row["terrain"]): row for row in first.to_pylist()}
    differing = sum(row != rows[place] for place, row in kept.items() if place in rows)
    together = rows | kept
    return pa.Table.from_pylist([together[place] for place in sorted(together)], schema=there.schema), differing


def play(
    trained: Controllers,
    members: Sequence[int],
    terrains: range,
    weights: Weights = "centers",
    terrain_set: TerrainSet = "test-v1",
    backend: str = "auto",
    render: bool = False,
    check: Callable[[float], None] = lambda done: None,
) -> dict[str, list]:
    """Play one episode per member and terrain in vector envs made for it; see `evaluation.evaluate`.

    Args:
      trained: the controllers.
      members: those to play.
      terrains: range of indices in the terrain set.
      weights: one of envs.task.Weights.
      terrain_set: one of envs.task.TERRAINS.
      backend: one of envs.make.BACKENDS but for envpool's.
      render: show the first member in a window, and play one terrain after the other.
      check: called once a step with the share that is done, in [0, 1].

    Returns:
      {column: sequence}, by member and terrain: member, terrain, length, return, outcome.
    """
    config = trained.config
    slots = 1 if render else max(len(members), min(_SLOTS, len(members) * len(terrains)))
    backend = "sync" if render else choose(backend, slots, gymnasium_only=True)
    envs = make_vector(config.environment.id, slots, backend, render=0 if render else None)
    try:
        return evaluate(
            envs, trained.state, config.spec(), trained.params(), members, terrains, weights, terrain_set, check
        )
    finally:
        envs.close()
