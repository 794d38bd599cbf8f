"""What a run folder says about the run: its sessions, with command, code, versions and machine, and its events.

run.json        one entry per session
parent.json     in a branch: what the parents of its members had trained for
events.jsonl    what went wrong, was interrupted or changed, one line each
"""

import importlib.metadata
import json
import os
import platform
import shlex
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import dsjax
from dsjax.errors import RunError
from dsjax.machine import cores
from dsjax.storage.atomic import write_text


def add_session(folder: Path, command: str, computing: dict[str, str]) -> dict[str, tuple[str, str]]:
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


def write_before(folder: Path, before: dict[str, list[int]]) -> None:
    """Note what the parents of a branch's rows had trained for: {"step": (N,), "episode": (N,)}."""
    write_text(Path(folder) / "parent.json", json.dumps(before) + "\n")


def read_before(folder: Path, rows: int) -> dict[str, list[int]]:
    """Return what the parents of a run's rows had trained for, as `write_before` noted it; 0 where it did not.

    Raises:
      RunError: the file is damaged.
    """
    path, units = Path(folder) / "parent.json", ("step", "episode")
    if not path.exists():
        return {unit: [0] * rows for unit in units}
    try:
        found = json.loads(path.read_text())
        if any(len(found[unit]) != rows for unit in units):
            raise ValueError
        return {unit: [int(value) for value in found[unit]] for unit in units}
    except (ValueError, KeyError, TypeError):
        raise RunError(f"{path}: is damaged; restore it, or delete it to count steps from this run's start") from None


def _decisive_changes(before: dict[str, Any], now: dict[str, Any]) -> dict[str, tuple[str, str]]:
    """Return {name: (before, now)} of what decides the bits and differs between two sessions."""
    old, new = ({"system": s["system"], **s["versions"], **s.get("computing", {})} for s in (before, now))
    names = ("system", "jax", "jaxlib", "gymnasium", "box2d", "envpool", "optax", "numpy", *now["computing"])
    return {name: (old[name], new[name]) for name in names if name in old and old[name] != new[name]}


def read_sessions(folder: Path) -> list[dict[str, Any]]:
    """Return the entries of run.json, one per session, in order; none if there is no such file."""
    path = Path(folder) / "run.json"
    try:
        return json.loads(path.read_text())["sessions"] if path.exists() else []
    except (ValueError, KeyError, TypeError):
        raise RunError(
            f"{path}: is damaged; restore it, or delete it to lose nothing but the list of sessions"
        ) from None


def add_event(folder: Path, kind: str, **details: Any) -> None:
    """Append one line to events.jsonl: what happened, and when."""
    with open(Path(folder) / "events.jsonl", "a") as file:
        file.write(json.dumps({"time": _now(), "event": kind, **details}) + "\n")
        file.flush()
        os.fsync(file.fileno())


def read_events(folder: Path) -> list[dict[str, Any]]:
    """Return the events of a run, in order: {time, event, ...} each; none if there were none."""
    path = Path(folder) / "events.jsonl"
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def version(package: str) -> str:
    """Return the installed version of a package, or "absent"; of dsjax that of the code that runs."""
    if package == "dsjax":
        return dsjax.__version__
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return "absent"


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")


def _git_commit() -> str:
    """Return the commit of the code that runs, with "+changes" if it differs, or "unknown" outside a checkout."""

    def git(*arguments: str) -> subprocess.CompletedProcess[str]:
        here = Path(__file__).parent
        return subprocess.run(["git", *arguments], cwd=here, capture_output=True, text=True, timeout=10, check=True)

    try:
        changed = git("status", "--porcelain", "--untracked-files=no").stdout.strip()
        return git("rev-parse", "HEAD").stdout.strip() + ("+changes" if changed else "")
    except (OSError, subprocess.SubprocessError):
        return "unknown"


def command_line() -> str:
    """Return the command that started this process."""
    return shlex.join([Path(sys.executable).name, *sys.argv])
