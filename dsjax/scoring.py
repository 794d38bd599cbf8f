"""Score a run's trained members on held-out terrains, from its snapshots."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import pyarrow as pa
import tyro

from dsjax import population, records
from dsjax.command import load_run
from dsjax.environment import choose, make_vector
from dsjax.evaluation import evaluate
from dsjax.records import RunError
from dsjax.snapshot import Snapshots
from dsjax.training import restored

_SLOTS = 32  # envs side by side; more gain nothing


@dataclass(frozen=True, kw_only=True)
class ScoreCommand:
    """Score the members of a run on held-out terrains, always with gymnasium's own physics."""

    run: tyro.conf.Positional[Path]
    """Run folder."""
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
    path: Path  # of the Parquet file that holds it
    snapshot: int  # round
    command: ScoreCommand


def score_run(command: ScoreCommand) -> Score:
    """Play the episodes and write them to RUN/scores.

    Raises:
      RunError: there is no such run, snapshot or member.
    """
    config = load_run(command.run)
    if command.episodes < 1:
        raise RunError(f"--episodes {command.episodes}: at least 1 is needed")
    snapshots = Snapshots(command.run)
    try:
        number = _choose(snapshots, command)
        arrays = snapshots.load(number)
    finally:
        snapshots.close()
    state = restored(config, arrays)
    members = _members(command, config, np.asarray(state.running))
    if command.render:
        members = members[:1]
    slots = 1 if command.render else max(len(members), min(_SLOTS, len(members) * command.episodes))
    backend = "sync" if command.render else choose(command.backend, slots, gymnasium_only=True)
    envs = make_vector(config.environment.id, slots, backend, render=0 if command.render else None)
    try:
        params = population.share(config.params(), config.members)
        columns = evaluate(
            envs, state, config.spec(), params, members, range(command.episodes), command.weights, command.terrains
        )
    finally:
        envs.close()
    rows = len(columns["member"])
    about = {"round": number, "weights": command.weights, "terrains": command.terrains}
    columns |= {name: [value] * rows for name, value in about.items()}
    columns["step"] = arrays["tally.steps"][columns["member"]]
    table = pa.table(columns, schema=records.SCHEMAS["evaluations"])
    path = command.run / "scores" / f"round-{number:06d}-{command.weights}-{command.terrains}.parquet"
    records.write_parquet(path, table)
    return Score(table, path, number, command)


def _choose(snapshots, command):
    there = snapshots.numbers()
    if not there:
        raise RunError(f"{command.run}: there is no snapshot yet")
    if command.snapshot == "latest":
        return there[-1]
    if command.snapshot == "best":
        return snapshots.best()
    if command.snapshot.isdigit():
        return int(command.snapshot)
    raise RunError(f"--snapshot {command.snapshot}: must be latest, best or one of {', '.join(map(str, there))}")


def _members(command, config, running):
    chosen = command.members or tuple(int(m) for m in np.flatnonzero(running))
    absent = [m for m in chosen if not 0 <= m < config.members]
    if absent:
        raise RunError(f"{command.run} has no member {absent[0]}; its members are 0 to {config.members - 1}")
    if not chosen:
        raise RunError(f"{command.run}: every member was stopped for a value that was not finite")
    return sorted(set(chosen))
