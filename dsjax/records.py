"""What a run writes, as files that are whole or absent: config, metadata, events, and a Parquet table per round.

    config.toml                        the resolved config
    run.json                           one entry per session: command, git commit, versions, cores
    events.jsonl                       what went wrong or was interrupted, one line each
    episodes/round-000001.parquet      training episodes of the oscillating, learning controllers
    members/round-000001.parquet       each member at the round's end: amplitude, sensitivity, drift, when solved
    evaluations/round-000000.parquet   frozen-center episodes on held-out terrains
    selections/round-000050.parquet    who went on as a copy of whom, in a run with selection
    scores/                            what `scoring` found, a file per snapshot, weights and terrain set
    snapshots/                         see `snapshot`

A round's tables depend on the config alone, so a round that is run again after a kill replaces its files by equal ones.
"""

import errno
import importlib.metadata
import json
import os
import platform
import secrets
import shlex
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from dsjax.errors import RunError
from dsjax.machine import cores

LOCK = ".lock"  # in a run's folder: held by the process that trains it
TEMPORARY = ".tmp"  # ending of files that are being written
# How an episode ended; retreated: the walker walked back past the start; cut: by the end of a training round. Runs from
# before there was "retreated" call it "fell" too.
OUTCOMES = ("fell", "retreated", "finished", "timeout", "cut")

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


def refuse_taken(folder):
    """Raise RunError if a folder for a new run already holds something; nothing is ever overwritten."""
    folder = Path(folder)
    if names_in(folder):
        known = "already holds a run" if (folder / "config.toml").exists() else "exists and is not empty"
        remedy = "choose another --output" + (", or continue it with --resume" if "run" in known else "")
        raise RunError(f"{folder} {known}; {remedy}")


def discard_after(folder, number):
    """Delete the rounds of all tables, and the scores, that are later than a round that a run continues from."""
    for path in Path(folder).glob("*/round-*.parquet"):
        if int(path.name.split("-")[1].split(".")[0]) > number:
            path.unlink()


def names_in(folder):
    """Return the names in a folder, none if it is not there; in one look, as others may be making it.

    Locks and files that are being written do not count: another process may be about to make the same run or sweep.
    """
    try:
        names = [path.name for path in folder.iterdir()]
    except FileNotFoundError:
        return []
    except NotADirectoryError:
        return [folder.name] if folder.exists() else []  # a file; or one above is
    return [name for name in names if not (name.startswith(LOCK) or (name[0] == "." and name.endswith(TEMPORARY)))]


def write_text(path, text):
    """Write a text file whole or not at all."""
    write_whole(path, lambda temporary: temporary.write_text(text))


def write_table(folder, name, number, columns):
    """Write one round's table whole or not at all; a table of the same round is replaced.

    Args:
      folder: of the run.
      name: one of `SCHEMAS`.
      number: of the round.
      columns: {name: sequence}, all of a length.
    """
    write_parquet(_table_path(folder, name, number), pa.table(columns, schema=SCHEMAS[name]))


def write_parquet(path, table):
    """Write a pyarrow Table whole or not at all."""
    make_folder(path.parent)
    write_whole(path, lambda temporary: pq.write_table(table, temporary))


def rounds_of(folder, name):
    """Return the rounds of which a run has a table, in order."""
    return sorted(int(path.stem.removeprefix("round-")) for path in (Path(folder) / name).glob("round-*.parquet"))


def read_table(folder, name, last=None):
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


def _table_path(folder, name, number):
    return Path(folder) / name / f"round-{number:06d}.parquet"


def scores_path(folder, number, weights, terrains):
    """Return the file of the scores of one snapshot, kind of weights and terrain set."""
    return Path(folder) / "scores" / f"round-{number:06d}-{weights}-{terrains}.parquet"


def read_scores_file(path):
    """Return the scores in a file, as a pyarrow Table; empty if it is not there."""
    return _read([path] if path.exists() else [], SCHEMAS["evaluations"])


def read_scores(folder, weights="centers", terrains="test-v1"):
    """Return the scores of the latest snapshot that was scored so, as a pyarrow Table; empty if none was."""
    files = sorted(scores_path(folder, 0, weights, terrains).parent.glob(f"round-*-{weights}-{terrains}.parquet"))
    return _read(files[-1:], SCHEMAS["evaluations"])


def _read(files, schema):
    """Return the rows of Parquet files that must have the schema, as one Table."""
    tables = [schema.empty_table()]
    for file in files:
        try:
            table = pq.read_table(file)
        except (pa.ArrowException, OSError) as error:
            raise RunError(f"{file}: cannot be read: {str(error).splitlines()[0]}") from None
        if table.schema != schema:
            columns = [f"without {name}" for name in schema.names if name not in table.column_names]
            columns += [f"with {name}" for name in table.column_names if name not in schema.names]
            raise RunError(f"{file}: cannot be read: {', '.join(columns) or 'columns of other types'}")
        tables.append(table)
    return pa.concat_tables(tables)


def add_session(folder, command, computing):
    """Note in run.json that a session starts: its command, code, versions and machine.

    Args:
      folder: of the run.
      command: line that started the session.
      computing: {name: text} of what decides how numbers are rounded; see `runtime.computing`.

    Returns:
      {name: (before, now)} of all that decides the bits and differs from the session before; empty in the first.
    """
    sessions = read_sessions(folder)
    packages = (
        *("dsjax", "jax", "jaxlib", "gymnasium", "box2d", "envpool"),
        *("optax", "orbax-checkpoint", "numpy", "pyarrow"),
    )
    session = {
        "command": command,
        "started": _now(),
        "git_commit": _git_commit(),
        "python": platform.python_version(),
        "versions": {name: version(name) for name in packages},
        "system": f"{platform.system()} {platform.machine()}",
        "cores": cores(),
        "computing": computing,
    }
    write_text(Path(folder) / "run.json", json.dumps({"sessions": [*sessions, session]}, indent=2) + "\n")
    return _decisive_changes(sessions[-1], session) if sessions else {}


def _decisive_changes(before, now):
    """Return {name: (before, now)} of what decides the bits and differs between two sessions."""
    old, new = ({"system": s["system"], **s["versions"], **s.get("computing", {})} for s in (before, now))
    names = ("system", "jax", "jaxlib", "gymnasium", "box2d", "envpool", "optax", "numpy", *now["computing"])
    return {name: (old[name], new[name]) for name in names if name in old and old[name] != new[name]}


def read_sessions(folder):
    """Return the entries of run.json, one per session, in order; none if there is no such file."""
    path = Path(folder) / "run.json"
    try:
        return json.loads(path.read_text())["sessions"] if path.exists() else []
    except (ValueError, KeyError, TypeError):
        raise RunError(
            f"{path}: is damaged; restore it, or delete it to lose nothing but the list of sessions"
        ) from None


def add_event(folder, kind, **details):
    """Append one line to events.jsonl: what happened, and when."""
    with open(Path(folder) / "events.jsonl", "a") as file:
        file.write(json.dumps({"time": _now(), "event": kind, **details}) + "\n")
        file.flush()
        os.fsync(file.fileno())


def read_events(folder):
    """Return the events of a run, in order: {time, event, ...} each; none if there were none."""
    path = Path(folder) / "events.jsonl"
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def version(package):
    """Return the installed version of a package, or "absent"."""
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return "absent"


def write_whole(path, write):
    """Write a file whole or not at all, also if the power fails: `write` gets a temporary path, which is then renamed.

    The temporary file is hidden and has a name of its own: those who read the folder skip it, and two writers do not
    meet. The last one to finish stays.
    """
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}{TEMPORARY}")
    try:
        write(temporary)
        with open(temporary, "rb") as file:
            os.fsync(file.fileno())
        temporary.replace(path)
    except BaseException as error:
        temporary.unlink(missing_ok=True)
        if isinstance(error, OSError):  # which often names no file, or the temporary one
            error.filename = str(path)
        raise
    sync_folder(path.parent)


def sync_folder(folder):
    """Put the names in a folder on the disk: a renamed file is there after a power cut only if its new name is."""
    if os.name == "nt":  # Windows opens no folders, and writes their names at once
        return
    opened = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(opened)
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.ENOTSUP, errno.EBADF):  # network file systems know no such call
            raise
    finally:
        os.close(opened)


def make_folder(folder):
    """Make a folder, with those above it, and put its name on the disk."""
    folder = Path(folder)
    if not folder.is_dir():
        make_folder(folder.parent)
        folder.mkdir(exist_ok=True)
        sync_folder(folder.parent)


def clear_temporaries(folder):
    """Delete the temporary files that writers who were killed left in a run's folder; nobody may be writing there."""
    for path in [*folder.glob(f".*{TEMPORARY}"), *folder.glob(f"*/.*{TEMPORARY}")]:
        path.unlink(missing_ok=True)


def _now():
    return datetime.now(UTC).isoformat(timespec="seconds")


def _git_commit():
    """Return the commit of the code that runs, with "+changes" if it differs, or "unknown" outside a checkout."""

    def git(*arguments):
        here = Path(__file__).parent
        return subprocess.run(["git", *arguments], cwd=here, capture_output=True, text=True, timeout=10, check=True)

    try:
        changed = git("status", "--porcelain", "--untracked-files=no").stdout.strip()
        return git("rev-parse", "HEAD").stdout.strip() + ("+changes" if changed else "")
    except (OSError, subprocess.SubprocessError):
        return "unknown"


def command_line():
    """Return the command that started this process."""
    return shlex.join([Path(sys.executable).name, *sys.argv])
