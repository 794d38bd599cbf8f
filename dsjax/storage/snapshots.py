"""Snapshots of a whole run with orbax: save in the background, find, restore, and refuse what is damaged.

A snapshot is a flat dict of numpy arrays, named by their path in the run's state, with a checksum over all of them:
orbax notices a missing file, but not every flipped bit.
"""

import errno
import gc
import hashlib
import logging
import os
import shutil
import tempfile
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

import jax
import numpy as np
from orbax.checkpoint import v1 as ocp

from dsjax.errors import RunError
from dsjax.storage.atomic import make_folder, sync_folder
from dsjax.storage.metadata import version

FORMAT = 2  # of the arrays' names and meaning; a change makes older snapshots unreadable, and says so

_MARGIN = 2**20  # [bytes] of disk that a snapshot may need beside its arrays

_LOGGERS = ("", "absl", "asyncio")  # where orbax logs every step, and errors that are raised here as well


class SnapshotError(RunError):
    """A snapshot that cannot be restored; the message names it and the remedy."""


class Snapshots:
    """The snapshots of one run: the latest two, the best, and every `keep_every`-th.

    Whoever only reads may do so while the run goes on; the one who trains clears away what a kill left half-written.
    """

    def __init__(self, folder: Path, keep_every: int = 100, training: bool = False) -> None:
        policies = ocp.training.preservation_policies
        self.folder = Path(folder).absolute() / "snapshots"
        self._quiet = partial(_without_orbax)  # of this object alone: another one may still be open when it is removed
        for name in _LOGGERS:
            logging.getLogger(name).addFilter(self._quiet)
        self._alias = _Alias(self.folder)
        self._checkpointer = ocp.training.Checkpointer(
            self._alias.path,
            save_decision_policy=ocp.training.save_decision_policies.FixedIntervalPolicy(1),
            preservation_policy=policies.AnyPreservationPolicy(
                [
                    policies.LatestN(2),  # the one before the latest is what a damaged latest falls back on
                    policies.EveryNSteps(keep_every),
                    policies.BestN(get_metric_fn=_frozen_return, n=1, keep_checkpoints_without_metrics=False),
                ]
            ),
            cleanup_tmp_directories=training,
        )
        self._thread = ThreadPoolExecutor(1, "dsjax-snapshots")
        self._saving: Future[None] | None = None

    def save(self, number: int, arrays: dict[str, np.ndarray], frozen_return: float | None = None) -> None:
        """Start writing the snapshot of a round; it is there, whole, once `wait` returns.

        Args:
          number: of the round, those done so far.
          arrays: by name; see `flatten`.
          frozen_return: median frozen-center return of the members, if just evaluated; ranks the best snapshot.

        Raises:
          OSError: this or the last snapshot could not be written.
        """
        self.wait()
        # orbax's threads report a full disk in their own hundred lines each: better not to begin.
        if shutil.disk_usage(self.folder).free < 2 * sum(array.nbytes for array in arrays.values()) + _MARGIN:
            raise OSError(errno.ENOSPC, "no space left for a snapshot")
        about = {"format": FORMAT, "dsjax": version("dsjax"), "checksum": _checksum(arrays)}
        metrics = None if frozen_return is None else {"frozen_return": float(frozen_return)}
        saving = self._checkpointer.save_async(number, arrays, overwrite=True, metrics=metrics, custom_metadata=about)
        self._saving = self._thread.submit(self._finish, number, saving)

    def wait(self) -> None:
        """Wait until the snapshot being written is on the disk."""
        if self._saving is None:
            return
        saving, self._saving = self._saving, None
        try:
            saving.result()
        except OSError:
            raise
        except Exception as error:  # tensorstore has its own words for a failed write
            full = "RESOURCE_EXHAUSTED" in str(error) or "No space left" in str(error)
            number = errno.ENOSPC if full else errno.EIO
            raise OSError(number, str(error).splitlines()[0]) from error

    def _finish(self, number: int, saving: Any) -> None:
        """Wait until orbax has written a snapshot, and put it on the disk: a power cut must find it whole."""
        saving.result()
        for path, _, files in os.walk(self.folder / str(number)):
            for name in files:
                with open(Path(path) / name, "rb") as file:
                    os.fsync(file.fileno())
            sync_folder(path)
        sync_folder(self.folder)

    def numbers(self) -> list[int]:
        """Return the rounds that have a snapshot, in order."""
        return sorted(checkpoint.step for checkpoint in self._checkpointer.checkpoints)

    def best(self) -> int:
        """Return the round of the snapshot with the highest median frozen-center return; the latest if none has one."""
        ranked = [c for c in self._checkpointer.checkpoints if c.metrics]
        if not ranked:
            return self.numbers()[-1]
        return max(ranked, key=lambda c: (c.metrics["frozen_return"], c.step)).step

    def load(self, number: int) -> dict[str, np.ndarray]:
        """Return the flat arrays of a round's snapshot.

        Raises:
          SnapshotError: there is none, it is damaged, or of another format.
        """
        there = self.numbers()
        if number not in there:
            listing = ", ".join(map(str, there)) or "none"
            raise SnapshotError(f"{self.folder}: no snapshot of round {number}; there are: {listing}")
        try:
            about = self._checkpointer.metadata(number).custom_metadata or {}
        except Exception as error:
            raise self._damaged(number, error) from error
        if "format" not in about:
            raise self._damaged(number, "its metadata is missing")
        if about["format"] != FORMAT:
            raise SnapshotError(
                f"snapshot {number} in {self.folder} has format {about['format']}, written by dsjax "
                f"{about['dsjax']}; this dsjax {version('dsjax')} reads format {FORMAT}; "
                f"use the code that wrote it, whose commit is in run.json"
            )
        reason = "its data files are missing"
        if (self.folder / str(number) / "state" / "manifest.ocdbt").exists():
            try:
                arrays, reason = self._checkpointer.load(number), ""
            except Exception as error:  # orbax and tensorstore raise many types for a damaged file
                reason = str(error) or type(error).__name__
        if reason:
            gc.collect()  # now, as asyncio logs each task that failed once it is gone
            raise self._damaged(number, reason)
        arrays = {name: np.asarray(value) for name, value in arrays.items()}
        if _checksum(arrays) != about["checksum"]:
            raise self._damaged(number, "its checksum does not match")
        return arrays

    def discard_after(self, number: int) -> None:
        """Delete the snapshots of later rounds, as when a run continues from an earlier one."""
        self.wait()
        for later in reversed([n for n in self.numbers() if n > number]):  # what a kill leaves has no gap
            self._checkpointer.delete(later)

    def close(self) -> None:
        """Finish writing and let go of the folder."""
        try:
            self.wait()
        finally:
            with suppress(Exception):  # a failed write, which `wait` has already raised
                self._checkpointer.close()
            self._thread.shutdown()
            self._alias.close()
            for name in _LOGGERS:
                logging.getLogger(name).removeFilter(self._quiet)

    def _damaged(self, number: int, reason: object) -> SnapshotError:
        reason = str(reason).splitlines()[0][:200] if str(reason) else type(reason).__name__
        return SnapshotError(f"snapshot {number} in {self.folder} is damaged: {reason}" + self._offer(number))

    def _offer(self, number: int) -> str:
        earlier = [n for n in self.numbers() if n < number]
        return f"; to use the one before it, add --snapshot {earlier[-1]}" if earlier else "; there is none before it"


class _Alias:
    """A path to a folder that orbax can use: it would take brackets, stars and question marks for patterns."""

    def __init__(self, folder: Path) -> None:
        self.path, self._folder = folder, None
        if any(character in str(folder) for character in "[]*?"):
            self._folder = tempfile.TemporaryDirectory(prefix="dsjax-")
            self.path = Path(self._folder.name) / "snapshots"
            make_folder(folder)
            self.path.symlink_to(folder, target_is_directory=True)

    def close(self) -> None:
        """Remove the alias; the folder stays."""
        if self._folder:
            self._folder.cleanup()


def _without_orbax(record: logging.LogRecord) -> bool:
    """Let all log records pass but those of orbax, and of asyncio on tasks that tensorstore failed in."""
    if record.name == "asyncio":
        return "tensorstore_spec" not in record.getMessage()
    return f"{os.sep}orbax{os.sep}" not in record.pathname


def flatten(state: Any) -> dict[str, np.ndarray]:
    """Return a pytree's leaves as numpy arrays, by their path."""
    leaves, _ = jax.tree_util.tree_flatten_with_path(state)
    return {jax.tree_util.keystr(path, simple=True, separator="."): np.array(leaf) for path, leaf in leaves}


def unflatten(arrays: dict[str, np.ndarray], like: Any) -> Any:
    """Return the pytree of the shape of `like` from flat arrays.

    Raises:
      SnapshotError: the arrays are not those of such a state.
    """
    leaves, treedef = jax.tree_util.tree_flatten_with_path(like)
    restored = []
    for path, leaf in leaves:
        name = jax.tree_util.keystr(path, simple=True, separator=".")
        if name not in arrays or arrays[name].shape != np.shape(leaf):
            found = arrays[name].shape if name in arrays else "nothing"
            raise SnapshotError(f"snapshot holds {found} for {name}, where the config needs {np.shape(leaf)}")
        if (kind := arrays[name].dtype) != leaf.dtype:
            raise SnapshotError(f"snapshot holds {kind} for {name}, where {leaf.dtype} is computed{_remedy(kind)}")
        restored.append(jax.numpy.asarray(arrays[name]))
    return jax.tree_util.tree_unflatten(treedef, restored)


def _remedy(trained: np.dtype) -> str:
    """Return what to do about arrays of another precision than JAX is set to."""
    if not np.issubdtype(trained, np.floating):
        return ""
    return "; unset JAX_ENABLE_X64" if trained == np.float32 else "; set JAX_ENABLE_X64=1"


def _frozen_return(metrics: dict[str, float]) -> float:
    return metrics["frozen_return"]


def _checksum(arrays: dict[str, np.ndarray]) -> str:
    digest = hashlib.sha256()
    for name in sorted(arrays):
        value = np.ascontiguousarray(arrays[name])
        digest.update(f"{name} {value.dtype} {value.shape}".encode())
        digest.update(value.tobytes())
    return digest.hexdigest()
