"""The Parquet tables of a run: one file per round, whole or absent.

    episodes/round-000001.parquet      training episodes of the oscillating, learning controllers
    members/round-000001.parquet       each member at the round's end: amplitude, sensitivity, drift, when solved
    evaluations/round-000000.parquet   frozen-center episodes on held-out terrains
    lessons/round-000001.parquet       what a person gave, in a run that was taught
    selections/round-000050.parquet    which member was replaced by a copy of which, in a run with selection
    scores/                            what `score` found, a file per snapshot, weights and terrain set

A round's tables depend on the config alone, so a round that is run again after a kill replaces its files by equal ones.
The column "member" counts rows: a member at a point, see `Config.rows`.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from pyarrow.dataset import dataset
from pyarrow.fs import LocalFileSystem

from dsjax.errors import RunError
from dsjax.storage.atomic import make_folder, write_whole

_EPISODE = [
    ("length", pa.int32()),  # environment steps
    ("return", pa.float64()),
    ("outcome", pa.string()),  # one of OUTCOMES
]
SCHEMAS = {
    "episodes": pa.schema([
        ("round", pa.int32()),
        ("member", pa.int32()),
        ("episode", pa.int32()),  # of this member, from 0, those cut included
        ("step", pa.int64()),  # environment steps the member had trained for when the episode ended
        *_EPISODE,
    ]),
    "members": pa.schema([
        ("round", pa.int32()),
        ("member", pa.int32()),
        ("step", pa.int64()),
        ("episodes", pa.int32()),  # completed so far
        ("amplitude", pa.float64()),
        ("sensitivity", pa.float64()),  # mean over the neurons
        ("drift", pa.float64()),  # root mean square distance of the centers from where they started
        ("running", pa.bool_()),  # False once stopped for a value that was not finite
        # Completed episodes and steps when a rule for "solved" was first met; -1 is not yet.
        ("training_solved_episode", pa.int64()),  # mean of 300 over 100 consecutive training episodes
        ("training_solved_step", pa.int64()),
        ("frozen_solved_episode", pa.int64()),  # mean of 300 of the frozen centers over 100 held-out terrains
        ("frozen_solved_step", pa.int64()),
    ]),
    "evaluations": pa.schema([
        ("round", pa.int32()),
        ("member", pa.int32()),
        ("step", pa.int64()),
        ("weights", pa.string()),  # "centers" or "oscillating"
        ("terrains", pa.string()),  # name of the terrain set
        ("terrain", pa.int32()),  # index in the set
        *_EPISODE,
    ]),
    "lessons": pa.schema([  # what a person gave, a row per step of a round that was taught, resets included
        ("round", pa.int32()),
        ("tick", pa.int32()),  # of the round, from 0
        ("given", pa.float64()),  # reward
        ("with_task", pa.bool_()),  # whether it was added to the task's reward, or replaced it
    ]),
    "selections": pa.schema([  # a row per copy and perturbed number
        ("round", pa.int32()),  # after which
        ("member", pa.int32()),  # that was replaced
        ("parent", pa.int32()),  # whom it copied
        ("score", pa.float64()),  # mean return of its last training episodes; -inf: it had none, or was stopped
        ("parent_score", pa.float64()),
        ("key", pa.string()),  # of a number, "section.key"
        ("before", pa.float64()),  # its value, as copied from the parent
        ("after", pa.float64()),
    ]),
}  # fmt: skip


def discard_after(folder: Path, number: int) -> None:
    """Delete the rounds of all tables, and the scores, that are later than a round that a run continues from."""
    for path in Path(folder).glob("*/round-*.parquet"):
        if int(path.name.split("-")[1].split(".")[0]) > number:
            path.unlink()


def write_table(folder: Path, name: str, number: int, columns: Mapping[str, Any]) -> None:
    """Write one round's table whole or not at all; a table of the same round is replaced.

    Args:
      folder: of the run.
      name: one of `SCHEMAS`.
      number: of the round.
      columns: {name: sequence}, all of a length.
    """
    write_parquet(_table_path(folder, name, number), pa.table(columns, schema=SCHEMAS[name]))


def write_parquet(path: Path, table: pa.Table) -> None:
    """Write a pyarrow Table whole or not at all."""
    make_folder(path.parent)
    write_whole(path, lambda temporary: pq.write_table(table, temporary))


def rounds_of(folder: Path, name: str) -> list[int]:
    """Return the rounds of which a run has a table, in order."""
    return sorted(int(path.stem.removeprefix("round-")) for path in (Path(folder) / name).glob("round-*.parquet"))


def read_table(folder: Path, name: str, last: int | None = None) -> pa.Table:
    """Return the rounds of a table as one pyarrow Table, in order; empty if there are none.

    Args:
      folder: of the run.
      name: one of `SCHEMAS`.
      last: round up to which to read; all if None.

    Raises:
      RunError: the folder holds no run, or a file is damaged or has other columns.
    """
    folder = Path(folder)
    if not (folder / "config.toml").exists():
        raise RunError(f"{folder}: there is no run here")
    numbers = [number for number in rounds_of(folder, name) if last is None or number <= last]
    return _read([_table_path(folder, name, number) for number in numbers], SCHEMAS[name])


def _table_path(folder: Path, name: str, number: int) -> Path:
    return Path(folder) / name / f"round-{number:06d}.parquet"


def scores_path(folder: Path, number: int, weights: str, terrains: str) -> Path:
    """Return the file of the scores of one snapshot, kind of weights and terrain set."""
    return Path(folder) / "scores" / f"round-{number:06d}-{weights}-{terrains}.parquet"


def read_scores_file(path: Path) -> pa.Table:
    """Return the scores in a file, as a pyarrow Table; empty if it is not there."""
    return _read([path] if path.exists() else [], SCHEMAS["evaluations"])


def read_scores(folder: Path, weights: str = "centers", terrains: str = "test-v1") -> pa.Table:
    """Return the scores of the latest snapshot that was scored so, as a pyarrow Table; empty if none was."""
    files = sorted(scores_path(folder, 0, weights, terrains).parent.glob(f"round-*-{weights}-{terrains}.parquet"))
    return _read(files[-1:], SCHEMAS["evaluations"])


def _read(files: Sequence[Path], schema: pa.Schema) -> pa.Table:
    """Return the rows of Parquet files that must have the schema, as one Table, in order."""
    if not files:
        return schema.empty_table()
    file = files[0]
    try:
        found = dataset(list(map(str, files)), schema, format="parquet", filesystem=LocalFileSystem())
        for file, fragment in zip(files, found.get_fragments(), strict=True):
            _check(file, fragment.physical_schema, schema)
        return found.to_table()
    except (pa.ArrowException, OSError) as error:
        raise RunError(f"{file}: cannot be read: {str(error).splitlines()[0]}") from None


def _check(file: Path, found: pa.Schema, schema: pa.Schema) -> None:
    """Raise RunError if a file has other columns: without this, missing ones would be read as empty."""
    if found != schema:
        columns = [f"without {name}" for name in schema.names if name not in found.names]
        columns += [f"with {name}" for name in found.names if name not in schema.names]
        raise RunError(f"{file}: cannot be read: {', '.join(columns) or 'columns of other types'}")
