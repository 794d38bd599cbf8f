"""One process at a time trains a run or a job: who holds it, and an error for the others.

The lock is the `filelock` library's, on a file that stays; a note beside it tells who took it last. A note counts only
while the file is locked. Where a file system knows no locks, `filelock`
falls back on a file that exists or not.
"""

import json
import os
import platform
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

from filelock import FileLock, Timeout

from dsjax.errors import RunError


class Busy(RunError):
    """Another process holds the lock."""


@contextmanager
def hold(path: Path, what: str, patience: float = 0.0) -> Iterator[None]:
    """Hold a lock, which no other process or thread can hold meanwhile.

    Args:
      path: of the lock's file, in a folder that is there.
      what: it guards, for the message.
      patience: [s] to wait for whoever holds it.

    Raises:
      Busy: somebody else holds it.
      OSError: the folder cannot be written.
    """
    lock = FileLock(path, timeout=patience, thread_local=False)
    try:
        lock.acquire(poll_interval=min(0.2, patience) or 0.05)
    except Timeout:
        raise Busy(f"{what} is in use by {_note(path)}; wait for it, or end it") from None
    try:
        now = datetime.now().astimezone().isoformat(sep=" ", timespec="seconds")
        who = {"process": os.getpid(), "host": platform.node(), "since": now}
        _note_path(path).write_text(json.dumps(who) + "\n")
        yield
    finally:
        lock.release()


def holder(path: Path) -> str | None:
    """Return who holds a lock at this moment; None if nobody does that shares its file system."""
    if not path.exists():
        return None
    lock = FileLock(path, timeout=0, thread_local=False)
    try:
        lock.acquire()
    except Timeout:
        return _note(path)
    except OSError:  # a folder that can only be read: nobody trains there
        return None
    lock.release()
    return None


def _note_path(path: Path) -> Path:
    return path.with_name(f"{path.name}-holder")


def _note(path: Path) -> str:
    """Return who says to hold a lock."""
    try:
        who = json.loads(_note_path(path).read_text())
        return f"process {who['process']} on {who['host']}, since {who['since']}"
    except (OSError, ValueError, KeyError):  # it has only just taken it
        return "another process"
