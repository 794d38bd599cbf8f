"""Score a run's trained members on held-out terrains, from its snapshots."""

from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa

from dsjax import records
from dsjax.commands import ScoreCommand
from dsjax.environment import choose, make_vector
from dsjax.errors import RunError, explain_os_error
from dsjax.evaluation import evaluate
from dsjax.formats import count
from dsjax.trained import load

_SLOTS = 32  # envs side by side; more gain nothing


@dataclass(frozen=True)
class Score:
    """The outcome of scoring a run."""

    table: pa.Table  # one row per episode played, as records.SCHEMAS["evaluations"]
    path: Path | None  # of the Parquet file that holds it; None if it is not stored
    snapshot: int  # round
    command: ScoreCommand
    notes: list[str]  # what a reader must know


def score_run(command: ScoreCommand) -> Score:
    """Play the episodes and store them: of a run's members, beside those that RUN/scores holds already.

    Raises:
      RunError: there is no such run, snapshot or member, or a file of this name is there.
    """
    if command.episodes < 1:
        raise RunError(f"--episodes {command.episodes}: at least 1 is needed")
    if command.output and command.output.exists() and not command.force:
        raise RunError(f"{command.output} is there already; choose another --output, or replace it with --force")
    trained, notes = load(command.run, command.snapshot), []
    members = trained.members(command.members)
    if command.render and len(members) > 1:
        members = members[:1]
        notes.append(f"--render shows member {members[0]} alone; the others are not scored")
    columns = play(
        trained, members, range(command.episodes), command.weights, command.terrains, command.backend, command.render
    )
    rows = len(columns["member"])
    about = {"round": trained.round, "weights": command.weights, "terrains": command.terrains}
    columns |= {name: [value] * rows for name, value in about.items()}
    columns["step"] = trained.steps[columns["member"]]
    table = pa.table(columns, schema=records.SCHEMAS["evaluations"])
    path = command.output
    if path is None and trained.in_run():
        path = records.scores_path(command.run, trained.round, command.weights, command.terrains)
    try:
        notes += _store(path, table, command)
    except OSError as error:  # all episodes are played: let them be seen at least
        notes.append(f"the scores are not stored: {explain_os_error(error)}")
        path = None
    return Score(table, path, trained.round, command, notes)


def _store(path, table, command):
    """Write episodes to a file, beside those that are there of the same snapshot; return notes on what was done."""
    if path is None:
        return []
    if command.output:
        records.write_parquet(path, table)
        return []
    there = records.read_scores_file(path)
    merged, differing = merge(there, table, command.force)
    records.write_parquet(path, merged)
    if not differing:
        return []
    what = "replaced" if command.force else "kept as stored; --force replaces them"
    many = count(differing, "episode is", "episodes are")
    return [f"{many} stored with another result, of another machine or version; {what}"]


def merge(there: pa.Table, new: pa.Table, force: bool = False) -> tuple[pa.Table, int]:
    """Return the episodes of two evaluations of the same snapshot, one per member and terrain, in order.

    Args:
      there: stored rows, as records.SCHEMAS["evaluations"]; of an episode that both have, they are kept.
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


def play(trained, members, terrains, weights="centers", terrain_set="test-v1", backend="auto", render=False):
    """Play one episode per member and terrain in vector envs made for it; see `evaluation.evaluate`.

    Args:
      trained: trained.Trained.
      members: those to play.
      terrains: range of indices in the terrain set.
      weights: one of evaluation.WEIGHTS.
      terrain_set: one of evaluation.TERRAINS.
      backend: one of environment.BACKENDS but for envpool's.
      render: show the first member in a window, and play one terrain after the other.

    Returns:
      {column: sequence}, by member and terrain: member, terrain, length, return, outcome.
    """
    config = trained.config
    slots = 1 if render else max(len(members), min(_SLOTS, len(members) * len(terrains)))
    backend = "sync" if render else choose(backend, slots, gymnasium_only=True)
    envs = make_vector(config.environment.id, slots, backend, render=0 if render else None)
    try:
        return evaluate(envs, trained.state, config.spec(), trained.params(), members, terrains, weights, terrain_set)
    finally:
        envs.close()
