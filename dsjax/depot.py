"""A sweep kept where there is no folder: in any storage that fsspec knows, as s3://bucket/sweep.

Jobs train in a working copy on their own machine. After every round their files go to the depot: first what is new,
then a list of all that belongs together, so that whoever goes on, wherever, finds a state that once was.
"""

import hashlib
import json
from functools import partial
from pathlib import Path

import fsspec
import platformdirs

from dsjax.records import RunError, write_text

SWEEP = "sweep"  # in place of a job's name
_ATTEMPTS = 3  # at a list of files, of which old snapshots may be gone before they are read


def working_copy(place: str | Path) -> Path:
    """Return the folder to work in: the place itself, or on this machine the copy of what is in a depot."""
    if "://" not in str(place):
        return Path(place)
    name = hashlib.sha256(str(place).encode()).hexdigest()[:12]
    folder = Path(platformdirs.user_cache_dir("dsjax")) / "sweeps" / f"{str(place).rstrip('/').split('/')[-1]}-{name}"
    folder.mkdir(parents=True, exist_ok=True)
    write_text(_note(folder), str(place))
    return folder


def address(folder: Path) -> str | None:
    """Return the depot of a working copy; None for a folder that is the place itself."""
    return _note(folder).read_text() if _note(folder).exists() else None


def fetch(folder: Path, name: str) -> None:
    """Make a working copy's files of a job those of its depot, if it has one; the name `SWEEP` is the sweep's own."""
    if (place := address(folder)) is None:
        return
    storage, root = _storage(place)
    for path in _files(folder, name):
        (folder / path).unlink()
    for path in _listed(storage, root, name):
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        storage.get_file(f"{root}/{path}", str(folder / path))


def push(folder: Path, name: str) -> None:
    """Make the depot's files of a job those of a working copy, if it has a depot."""
    if (place := address(folder)) is None:
        return
    storage, root = _storage(place)
    before = _listed(storage, root, name)
    for attempt in range(1, _ATTEMPTS + 1):
        try:
            now = {path: _digest(folder / path) for path in _files(folder, name)}
            for path in now:
                if before.get(path) != now[path]:
                    storage.makedirs(f"{root}/{path}".rpartition("/")[0], exist_ok=True)
                    _whole(storage, f"{root}/{path}", partial(storage.put_file, str(folder / path)))
            break
        except FileNotFoundError:
            if attempt == _ATTEMPTS:
                raise
    storage.makedirs(f"{root}/lists", exist_ok=True)
    listing = json.dumps(now).encode()
    _whole(storage, f"{root}/lists/{name}.json", lambda temporary: storage.pipe_file(temporary, listing))
    for path in storage.find(f"{root}/jobs/{name}"):
        if path.removeprefix(f"{root}/") not in now:
            storage.rm_file(path)


def _note(folder):
    """Return the file beside a working copy that says where its depot is."""
    return Path(folder).with_name(Path(folder).name + ".depot")


def _storage(place):
    try:
        return fsspec.core.url_to_fs(place)
    except (ImportError, ValueError) as error:
        raise RunError(f"{place}: {str(error).splitlines()[0]}") from None


def _listed(storage, root, name):
    """Return the digests of a job's files in the depot, by path."""
    try:
        return json.loads(storage.cat_file(f"{root}/lists/{name}.json"))
    except FileNotFoundError:
        return {}


def _files(folder, name):
    """Return the paths of a job's files, but for those that are being written."""
    if name == SWEEP:
        return [f"{SWEEP}.toml"] if (folder / f"{SWEEP}.toml").exists() else []
    found = [path.relative_to(folder) for path in sorted((folder / "jobs" / name).rglob("*")) if path.is_file()]
    whole = [path.as_posix() for path in found if "tmp" not in path.as_posix()]
    return whole + ([f"status/{name}.json"] if (folder / "status" / f"{name}.json").exists() else [])


def _digest(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _whole(storage, path, write):
    """Write a file of the storage whole or not at all: a kill may come at any moment."""
    write(f"{path}.tmp")
    storage.mv(f"{path}.tmp", path)
