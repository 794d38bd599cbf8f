"""Sweeps in remote storage, any that fsspec knows, as s3://bucket/sweep.

Jobs train in a working copy on their own machine. After every round their files go to the depot:

    PATH/DIGEST               a file of the sweep's folder, as it once was: it never changes
    index/JOB.000000007.json  which of these are the job's files, and whose working copy trains it

An index is written last, as the next one of a chain, and only if nobody has written that one before. So whoever
continues, wherever, finds a state that once was, whatever was killed when; of two who take or push at the same moment
one is refused; and who trained a job before somebody else took it can change nothing any more.

That the next index is created by one alone is the storage's part: a local file system, memory, S3 and Google's storage
do it. Where fsspec knows of no such way, it looks whether the file is there before it writes: two who write within the
same moment may then both believe that they were first, and the one whose index is read last finds out at its next push.
"""

import hashlib
import json
import os
import platform
import re
import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import fsspec
import platformdirs
from fsspec.implementations.local import LocalFileSystem

from dsjax.errors import RunError
from dsjax.storage.atomic import LOCK, TEMPORARY, write_text

SWEEP = "sweep"  # in place of a job's name: the sweep's own file
_KEPT = 8  # indexes of a job: somebody may be about to read one that is not the newest any more
_ATTEMPTS = 3  # at an index, of which files may be deleted before they are read


class Taken(RunError):
    """Another machine has taken the job: the last claimant owns it, and pushes by earlier owners are rejected."""


def everything(path: str) -> bool:
    """Return True: all of a job's files are wanted."""
    return True


def is_status(path: str) -> bool:
    """Return whether a file says what became of a job."""
    return path.startswith("status/")


def is_record(path: str) -> bool:
    """Return whether a file is one of those that tell of a run, and not of those that it continues from."""
    return "/snapshots/" not in path


def is_url(place: str | Path) -> bool:
    """Return whether a place is a depot, and not a folder."""
    return "://" in str(place)


def working_copy(place: str | Path) -> Path:
    """Return the folder to train in: the place itself, or on this machine the copy of what is in a depot."""
    return _copy(place, "sweeps")


def reading_copy(place: str | Path) -> Path:
    """Return the folder to read in, likewise: another copy, as a training may be going on in the first.

    Of a depot, the sweep's own file is there; `fetch` adds the jobs'.

    Raises:
      RunError: the depot holds no sweep.
    """
    folder = _copy(place, "read")
    if is_url(place):
        fetch(folder, SWEEP)
        if not _files(folder, SWEEP):
            raise RunError(f"{place}: there is no sweep here")
    return folder


def copy_records(place: str | Path) -> Path:
    """Return the folder to read in, with the records of all jobs."""
    folder = reading_copy(place)
    if is_url(place):
        with _storage(place) as (storage, root):
            files = [path.rpartition("/")[2] for path in storage.find(f"{root}/index") if path.endswith(".json")]
        for name in sorted({re.sub(r"(\.\d{9})?\.json$", "", file) for file in files}):
            fetch(folder, name, is_record)
    return folder


def address(folder: Path) -> str | None:
    """Return the depot of a copy; None for a folder that is the place itself."""
    return _note(folder).read_text() if _note(folder).exists() else None


def take(folder: Path, name: str, wanted: Callable[[str], bool] = everything) -> None:
    """Fetch a job's files to train it, or to end it: from now on nobody pushes them but from this working copy."""
    if place := address(folder):
        with _storage(place) as (storage, root):
            while True:
                number, index = _newest(storage, root, name)
                if _create_index(storage, root, name, number + 1, index | {"owner": _owner(folder)}):
                    break
        fetch(folder, name, wanted)


def fetch(folder: Path, name: str, wanted: Callable[[str], bool] = everything) -> None:
    """Make a copy's files of a job those of its depot, if it has one; the name `SWEEP` is the sweep's own.

    Args:
      folder: the copy.
      name: of the job.
      wanted: of the job's files, by their paths in the sweep's folder; the others stay as they are.

    Raises:
      RunError: a file is damaged, or the storage cannot be read.
    """
    if (place := address(folder)) is None:
        return
    with _storage(place) as (storage, root):
        for attempt in range(1, _ATTEMPTS + 1):
            try:
                there = {
                    path: digest for path, digest in _newest(storage, root, name)[1]["files"].items() if wanted(path)
                }
                _download(storage, root, folder, there)
                break
            except FileNotFoundError:  # pushed again meanwhile, and again
                if attempt == _ATTEMPTS:
                    raise
    for path in _files(folder, name):
        if wanted(path) and path not in there and not _passing(path):
            (folder / path).unlink()
    if wanted is everything:  # an empty folder would pass for a snapshot
        for path, _, _ in os.walk(folder / "jobs" / name, topdown=False):
            with suppress(OSError):
                Path(path).rmdir()


def push(folder: Path, name: str, wanted: Callable[[str], bool] = everything) -> None:
    """Make the depot's files of a job those of a working copy, if it has a depot; arguments are those of `fetch`.

    Raises:
      Taken: another working copy has taken the job.
      RunError: the storage cannot be written.
    """
    if (place := address(folder)) is None:
        return
    with _storage(place) as (storage, root):
        number, before = _newest(storage, root, name)
        _refuse_taken(folder, name, before)
        mine = {path: _digest(folder / path) for path in _files(folder, name) if wanted(path) and not _passing(path)}
        files = mine | {path: digest for path, digest in before["files"].items() if not wanted(path)}
        if files == before["files"]:
            return
        there = _sizes(storage, root, name)
        for path, digest in mine.items():
            # What a kill has cut short is shorter.
            if there.get(f"{root}/{path}/{digest}") != (folder / path).stat().st_size:
                storage.makedirs(f"{root}/{path}", exist_ok=True)
                storage.put_file(str(folder / path), f"{root}/{path}/{digest}")
        if not _create_index(storage, root, name, number + 1, before | {"files": files}):
            # Somebody has written an index since: it is another's job now, or another process of this copy pushed.
            _refuse_taken(folder, name, _newest(storage, root, name)[1])
            return push(folder, name, wanted)
        # Somebody may be reading what the index named until now.
        named = {f"{root}/{path}/{digest}" for index in (before["files"], files) for path, digest in index.items()}
        for path in there.keys() - named:
            with suppress(FileNotFoundError):
                storage.rm_file(path)


def _copy(place: str | Path, kind: str) -> Path:
    """Return a place's folder: of what is in a depot, one of the user's cache folder, with a note of where that is."""
    if not is_url(place):
        return Path(place)
    depot = str(place).rstrip("/")
    name = f"{depot.split('/')[-1]}-{hashlib.sha256(depot.encode()).hexdigest()[:12]}"
    folder = Path(platformdirs.user_cache_dir("dsjax")) / kind / name
    folder.mkdir(parents=True, exist_ok=True)
    if not _note(folder).exists():
        write_text(_note(folder), depot)  # jobs begin at once
    return folder


def _note(folder: Path) -> Path:
    """Return the file beside a copy that says where its depot is."""
    return Path(f"{Path(folder)}.depot")


def _owner(folder: Path) -> str:
    """Return what tells a working copy from all others: two containers may share a machine's name and a path."""
    token = Path(f"{folder}.owner")
    if not token.exists():
        with suppress(FileExistsError):  # a process of the same copy was first
            _create_file(token, secrets.token_hex(8).encode())
    return f"{platform.node()}:{folder}:{token.read_text()}"


@contextmanager
def _storage(place: str | Path) -> Iterator[tuple[Any, str]]:
    """Yield a depot's file system and its path there; what goes wrong with it, of whatever type, is a RunError."""
    try:
        storage, root = fsspec.core.url_to_fs(place)
        storage.invalidate_cache()  # others write there too
        yield storage, root
    except RunError:
        raise
    except Exception as error:
        raise RunError(f"{place}: {(str(error) or type(error).__name__).splitlines()[0]}") from error


def _newest(storage: Any, root: str, name: str) -> tuple[int, dict[str, Any]]:
    """Return (number, index) of the newest index of a job that is whole; (0, one of nothing) if there is none yet."""
    while True:
        numbers = _index_numbers(storage, root, name)
        try:
            for number in reversed(numbers):
                with suppress(json.JSONDecodeError):  # one that a kill has cut short counts for nothing
                    # A newer one, though it counts for nothing, has taken its number.
                    return numbers[-1], json.loads(storage.cat_file(_index_path(root, name, number)))
        except FileNotFoundError:  # older ones are cleared away meanwhile
            continue
        return (numbers or [0])[-1], {"owner": None, "files": {}}


def _index_numbers(storage: Any, root: str, name: str) -> list[int]:
    """Return the numbers of a job's indexes that are there, in order; 0 is one of before there was a chain."""
    storage.invalidate_cache()
    files = [path.rpartition("/")[2] for path in storage.find(f"{root}/index")]
    found = [re.fullmatch(rf"{re.escape(name)}(?:\.(\d{{9}}))?\.json", file) for file in files]
    return sorted(int(each[1] or 0) for each in found if each)


def _index_path(root: str, name: str, number: int) -> str:
    return f"{root}/index/{name}.{number:09d}.json" if number else f"{root}/index/{name}.json"


def _refuse_taken(folder: Path, name: str, index: dict[str, Any]) -> None:
    """Raise Taken if an index is another working copy's."""
    if index["owner"] not in (None, _owner(folder)):
        raise Taken(f"{name} has been taken over, and is trained on {index['owner'].rpartition(':')[0]}")


def _create_index(storage: Any, root: str, name: str, number: int, index: dict[str, Any]) -> bool:
    """Write the index of a number, whole or not at all; return whether nobody had, and it is the newest."""
    storage.makedirs(f"{root}/index", exist_ok=True)
    path, text = _index_path(root, name, number), json.dumps(index, indent=2).encode()
    try:
        if isinstance(storage, LocalFileSystem):  # whose own way looks first, and then writes
            _create_file(Path(path), text)
        else:
            storage.pipe_file(path, text, mode="create")
    except FileExistsError:
        return False
    numbers = _index_numbers(storage, root, name)
    for old in numbers[:-_KEPT]:
        with suppress(FileNotFoundError):
            storage.rm_file(_index_path(root, name, old))
    return numbers[-1] == number


def _create_file(path: Path, content: bytes) -> None:
    """Write a file whole where none is, or raise FileExistsError."""
    own = path.with_name(f".{path.name}.{secrets.token_hex(4)}{TEMPORARY}")
    own.write_bytes(content)
    try:
        os.link(own, path)
    except FileExistsError:
        raise
    except OSError:  # a file system without links: what a kill cuts short there counts for nothing
        with open(path, "xb") as file:
            file.write(content)
    finally:
        own.unlink()


def _places(name: str) -> list[str]:
    """Return where a job's files are, in the sweep's folder as in the depot."""
    return [f"{SWEEP}.toml"] if name == SWEEP else [f"jobs/{name}", f"status/{name}.json"]


def _sizes(storage: Any, root: str, name: str) -> dict[str, int]:
    """Return the sizes of all that a depot holds of a job, by where it is there."""
    found = [storage.find(f"{root}/{place}", detail=True) for place in _places(name)]
    return {path: about["size"] for each in found for path, about in each.items()}


def _files(folder: Path, name: str) -> list[str]:
    """Return the paths of a copy's files of a job."""
    found = [path for place in _places(name) for path in [folder / place, *sorted((folder / place).rglob("*"))]]
    return [path.relative_to(folder).as_posix() for path in found if path.is_file()]


def _passing(path: str) -> bool:
    """Return whether a file is one that is being written, or a lock: it is this machine's alone."""
    return any(part.endswith("tmp") or part.startswith(LOCK) for part in path.split("/"))


def _download(storage: Any, root: str, folder: Path, files: dict[str, str]) -> None:
    """Make files of a copy those of the digests, each whole or not at all."""
    with TemporaryDirectory(dir=folder.parent, prefix=".") as own:
        for path, digest in files.items():
            if (folder / path).is_file() and _digest(folder / path) == digest:
                continue
            storage.get_file(f"{root}/{path}/{digest}", f"{own}/{digest}")
            if _digest(Path(own) / digest) != digest:
                raise RunError(f"{path}: damaged in the depot: its digest is not {digest}")
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (Path(own) / digest).replace(folder / path)


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
