"""Score a run's trained members on held-out terrains, from its snapshots."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import pyarrow as pa
import tyro

from dsjax import records
from dsjax.environment import choose, make_vector
from dsjax.evaluation import evaluate
from dsjax.records import RunError
from dsjax.trained import load

_SLOTS = 32  # envs side by side; more gain nothing


@dataclass(frozen=True, kw_only=True)
class ScoreCommand:
    """Score the members of a run on held-out terrains, always with gymnasium's own physics."""

    run: tyro.conf.Positional[Path]
    """Run folder; or pretrained:NAME, a controller that ships with dsjax."""
    episodes: int = 100
    """Terrains per member: the first ones of the set."""
    members: tuple[int, ...] = ()
    """Which members; all that were not stopped if not given."""
    snapshot: str = "latest"
    """Which snapshot: latest, best (highest median of the frozen centers in training), or a round."""
    weights: Literal["centers", "oscillating"] = "centers"
    """Act with the frozen centers, or with the weights oscillating around them; neither learns."""
    terrains: Literal["test-v1", "validation-v1"] = "test-v1"
    """Terrain set: test for reporting, validation is what training selects on."""
    backend: Literal["auto", "async", "sync"] = "auto"
    """Where walkers step; the result is the same."""
    render: bool = False
    """Watch the first member in a window, one terrain after the other."""


@dataclass(frozen=True)
class Score:
    """The outcome of scoring a run."""

    table: pa.Table  # one row per episode, as records.SCHEMAS["evaluations"]
    path: Path | None  # of the Parquet file in the run's folder that holds it; a pretrained controller has none
    snapshot: int  # round
    command: ScoreCommand


def score_run(command: ScoreCommand) -> Score:
    """Play the episodes and, of a run's members, write them to RUN/scores.

    Raises:
      RunError: there is no such run, snapshot or member.
    """
    if command.episodes < 1:
        raise RunError(f"--episodes {command.episodes}: at least 1 is needed")
    trained = load(command.run, command.snapshot)
    members = trained.members(command.members)
    if command.render:
        members = members[:1]
    columns = play(
        trained, members, range(command.episodes), command.weights, command.terrains, command.backend, command.render
    )
    rows = len(columns["member"])
    about = {"round": trained.round, "weights": command.weights, "terrains": command.terrains}
    columns |= {name: [value] * rows for name, value in about.items()}
    columns["step"] = trained.steps[columns["member"]]
    table = pa.table(columns, schema=records.SCHEMAS["evaluations"])
    path = None
    if trained.in_run():
        path = records.scores_path(command.run, trained.round, command.weights, command.terrains)
        records.write_parquet(path, table)
    return Score(table, path, trained.round, command)


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
