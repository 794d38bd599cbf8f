"""A sweep kept where there is no folder: in any storage that fsspec knows, as s3://bucket/sweep.

Jobs train in a working copy on their own machine. After every round their files go to the depot:

    PATH/DIGEST        a file of the sweep's folder, as it once was: it never changes
    index/JOB.json     which of these are the job's files, and whose working copy trains it

An index is written last, and whole. So whoever goes on, wherever, finds a state that once was, whatever was killed
when. Who takes a job is the one whose pushes count: those of a machine that was thought lost are refused.
"""

import hashlib
import json
import os
import platform
import secrets
from collections.abc import Callable
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory

import fsspec
import platformdirs

from dsjax.records import RunError, write_text

SWEEP = "sweep"  # in place of a job's name: the sweep's own file
_ATTEMPTS = 3  # at an index, of which files may be deleted before they are read


class Taken(RunError):
    """A job is trained elsewhere by now; what is done here no longer counts."""


def everything(path: str) -> bool:
    """Return True: all of a job's files are wanted."""
    return True


def is_status(path: str) -> bool:
    """Return whether a file says what became of a job."""
    return path.startswith("status/")


def is_record(path: str) -> bool:
    """Return whether a file is one of those that tell of a run, and not of those that it goes on from."""
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


def records(place: str | Path) -> Path:
    """Return the folder to read in, with the records of all jobs."""
    folder = reading_copy(place)
    if is_url(place):
        with _storage(place) as (storage, root):
            names = [Path(path).stem for path in storage.find(f"{root}/index") if path.endswith(".json")]
        for name in names:
            fetch(folder, name, is_record)
    return folder


def address(folder: Path) -> str | None:
    """Return the depot of a copy; None for a folder that is the place itself."""
    return _note(folder).read_text() if _note(folder).exists() else None


def take(folder: Path, name: str, wanted: Callable[[str], bool] = everything) -> None:
    """Fetch a job's files to train it, or to end it: from now on nobody pushes them but from this working copy."""
    if place := address(folder):
        with _storage(place) as (storage, root):
            _write_index(storage, root, name, _index(storage, root, name) | {"owner": _owner(folder)})
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
                there = {path: digest for path, digest in _index(storage, root, name)["files"].items() if wanted(path)}
                _download(storage, root, folder, there)
                break
            except FileNotFoundError:  # pushed again meanwhile, and again
                if attempt == _ATTEMPTS:
                    raise
    for path in _files(folder, name):
        if wanted(path) and path not in there:
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
        before = _own_index(folder, storage, root, name)
        mine = {path: _digest(folder / path) for path in _files(folder, name) if wanted(path) and not _unfinished(path)}
        files = mine | {path: digest for path, digest in before["files"].items() if not wanted(path)}
        if files == before["files"]:
            return
        there = _sizes(storage, root, name)
        for path, digest in mine.items():
            # What a kill has cut short is shorter.
            if there.get(f"{root}/{path}/{digest}") != (folder / path).stat().st_size:
                storage.makedirs(f"{root}/{path}", exist_ok=True)
                storage.put_file(str(folder / path), f"{root}/{path}/{digest}")
        _own_index(folder, storage, root, name)  # still ours, after all that time?
        _write_index(storage, root, name, before | {"files": files})
        # Somebody may be reading what the index named until now.
        named = {f"{root}/{path}/{digest}" for index in (before["files"], files) for path, digest in index.items()}
        for path in there.keys() - named:
            with suppress(FileNotFoundError):
                storage.rm_file(path)


def _copy(place, kind):
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


def _note(folder):
    """Return the file beside a copy that says where its depot is."""
    return Path(f"{Path(folder)}.depot")


def _owner(folder):
    return f"{platform.node()}:{folder}"


@contextmanager
def _storage(place):
    """Yield a depot's file system and its path there; what goes wrong with it, of whatever type, is a RunError."""
    try:
        storage, root = fsspec.core.url_to_fs(place)
        storage.invalidate_cache()  # others write there too
        yield storage, root
    except RunError:
        raise
    except Exception as error:
        raise RunError(f"{place}: {(str(error) or type(error).__name__).splitlines()[0]}") from error


def _index(storage, root, name):
    try:
        return json.loads(storage.cat_file(f"{root}/index/{name}.json"))
    except FileNotFoundError:
        return {"owner": None, "files": {}}


def _own_index(folder, storage, root, name):
    """Return a job's index, or raise Taken if it is another working copy's."""
    index = _index(storage, root, name)
    if index["owner"] not in (None, _owner(folder)):
        raise Taken(f"{name} has been taken over, and is trained on {index['owner']}")
    return index


def _write_index(storage, root, name, index):
    """Write an index whole or not at all: a kill may come at any moment."""
    storage.makedirs(f"{root}/index", exist_ok=True)
    own = f"{root}/index/{name}.{secrets.token_hex(4)}.tmp"
    storage.pipe_file(own, json.dumps(index, indent=2).encode())
    storage.mv(own, f"{root}/index/{name}.json")


def _places(name):
    """Return where a job's files are, in the sweep's folder as in the depot."""
    return [f"{SWEEP}.toml"] if name == SWEEP else [f"jobs/{name}", f"status/{name}.json"]


def _sizes(storage, root, name):
    """Return the sizes of all that a depot holds of a job, by where it is there."""
    found = [storage.find(f"{root}/{place}", detail=True) for place in _places(name)]
    return {path: about["size"] for each in found for path, about in each.items()}


def _files(folder, name):
    """Return the paths of a copy's files of a job."""
    found = [path for place in _places(name) for path in [folder / place, *sorted((folder / place).rglob("*"))]]
    return [path.relative_to(folder).as_posix() for path in found if path.is_file()]


def _unfinished(path):
    return any(part.endswith("tmp") for part in path.split("/"))


def _download(storage, root, folder, files):
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


def _digest(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()
