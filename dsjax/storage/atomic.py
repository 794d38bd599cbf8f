"""Files that are whole or absent, whoever is killed and whenever the power fails."""

import errno
import os
import secrets
from collections.abc import Callable
from pathlib import Path
from typing import Any

from dsjax.errors import RunError

LOCK = ".lock"  # in a run's folder: held by the process that trains it
TEMPORARY = ".tmp"  # ending of files that are being written


def refuse_taken(folder: Path) -> None:
    """Raise RunError if a folder for a new run already holds something; nothing is ever overwritten."""
    folder = Path(folder)
    if names_in(folder):
        known = "already holds a run" if (folder / "config.toml").exists() else "exists and is not empty"
        remedy = "choose another --output" + (", or continue it with --resume" if "run" in known else "")
        raise RunError(f"{folder} {known}; {remedy}")


def names_in(folder: Path) -> list[str]:
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


def write_text(path: Path, text: str) -> None:
    """Write a text file whole or not at all."""
    write_whole(path, lambda temporary: temporary.write_text(text))


def write_whole(path: Path, write: Callable[[Path], Any]) -> None:
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


def sync_folder(folder: Path | str) -> None:
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


def make_folder(folder: Path) -> None:
    """Make a folder, with those above it, and put its name on the disk."""
    folder = Path(folder)
    if not folder.is_dir():
        make_folder(folder.parent)
        folder.mkdir(exist_ok=True)
        sync_folder(folder.parent)


def clear_temporaries(folder: Path) -> None:
    """Delete the temporary files that writers who were killed left in a run's folder; nobody may be writing there."""
    for path in [*folder.glob(f".*{TEMPORARY}"), *folder.glob(f"*/.*{TEMPORARY}")]:
        path.unlink(missing_ok=True)
