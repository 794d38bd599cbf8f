"""A report that keeps itself current while runs go on: one thread writes its text, another films the best member."""

import logging
import secrets
import threading
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple, Self

import numpy as np
import pyarrow.compute as pc
from markupsafe import Markup

from dsjax.analysis.comparison import Comparison
from dsjax.analysis.formats import count
from dsjax.errors import ConfigError, RunError
from dsjax.report import page
from dsjax.report.page import Look
from dsjax.report.pictures import Picture, of_inside
from dsjax.storage import locks
from dsjax.storage.atomic import LOCK
from dsjax.storage.tables import read_table, rounds_of

_PAUSE = 2.0  # [s] at least between two looks at the runs
_WAITING = Markup("<h1>{}</h1>\n<p>Waiting for the end of the first round. This page will show it by itself.</p>\n")
_NO_FILM = "There is no film yet: no snapshot of an evaluated round."


class Candidate(NamedTuple):
    """The best member of a run's latest snapshot that was evaluated; they sort by return."""

    mean: float  # its return
    folder: Path
    round: int
    member: int


class LiveReport:
    """The page of runs, renewed in the background; a context manager. What a server asks of it never waits."""

    def __init__(self, folders: Sequence[Path], read: Callable[[Sequence[Path]], Comparison]) -> None:
        """Prepare a page; it is renewed within the context.

        Args:
          folders: of the runs; those that have no round yet are left out until they have.
          read: makes the comparison of run folders.
        """
        self._folders, self._read = list(folders), read
        self._names = ", ".join(folder.name for folder in self._folders)
        self._token, self._number = secrets.token_hex(4), 0
        self._text: tuple[str, str, str] = (self._version(), self._names, _WAITING.format(self._names))
        self._updated = self._now()
        self._state, self._problem, self._film_problem = "Starting", "", ""
        self._look = Look(_NO_FILM)
        self._inside: tuple[Look, list[Picture]] = (self._look, [])
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=each, name=each.__name__) for each in (self._write, self._film)]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def status(self) -> dict[str, Any]:
        """Return what the page's status line says, and the version of the content."""
        version, title, _ = self._text
        problem = "; ".join(filter(None, (self._problem, self._film_problem)))
        return {
            "version": version, "title": title, "updated": self._updated, "state": self._state, "problem": problem
        }  # fmt: skip

    def content(self) -> dict[str, str]:
        """Return the text of the page and its version."""
        version, _, text = self._text
        return {"version": version, "content": text}

    def document(self) -> str:
        """Return the whole page."""
        _, title, text = self._text
        return page.page(title, text, live=True)

    def _write(self) -> None:
        """Write the text again whenever a run or the film has gone on; at most a third of the time."""
        shown: Any = None
        while not self._stop.is_set():
            start = time.monotonic()
            try:
                begun = [folder for folder in self._folders if rounds_of(folder, "members")]
                self._state = _state(self._folders, begun)
                mark = [_mark(folder) for folder in begun], self._look
                if begun and mark != shown:
                    self._renew(begun)
                    shown = mark
                self._problem = ""
            except _Stopped:
                return
            except Exception as error:  # of a run that changes as it is read: the next time it may be whole
                self._problem = _said(error, "The page cannot be renewed")
            self._stop.wait(max(_PAUSE, 2 * (time.monotonic() - start)))

    def _renew(self, begun: Sequence[Path]) -> None:
        comparison, look = self._read(begun), self._look
        if self._inside[0] is not look:
            self._inside = look, list(of_inside(look.inside)) if look.inside else []
        self._check()
        waiting = [f"{f}: has no round yet, and is left out until then" for f in self._folders if f not in begun]
        text = page.content(comparison, look, self._inside[1], waiting, self._check)
        self._number += 1
        self._text, self._updated = (self._version(), page.title(comparison), text), self._now()

    def _film(self) -> None:
        """Film whenever there is a new snapshot of an evaluated round."""
        filmed: Candidate | None = None
        while not self._stop.is_set():
            try:
                found = best_candidate(self._folders)
                if found and (filmed is None or found[1:] != filmed[1:]):
                    self._look = self._look_at(found)
                    filmed = found
                self._film_problem = ""
            except _Stopped:
                return
            except Exception as error:  # as of a snapshot that was deleted meanwhile
                self._film_problem = _said(error, "There is no new film")
            self._stop.wait(_PAUSE)

    def _look_at(self, found: Candidate) -> Look:
        caption = (
            f"Frozen centers of {found.folder.name}, member {found.member}, after round {found.round}: the best of the "
            f"latest evaluated snapshot, with a mean return of {found.mean:.1f}."
        )
        return page.look_at(found.folder, found.member, caption, str(found.round), self._check)

    def _check(self) -> None:
        if self._stop.is_set():
            raise _Stopped

    def _version(self) -> str:
        return f"{self._token}-{self._number}"

    def _now(self) -> str:
        return datetime.now(UTC).isoformat(timespec="seconds")


class _Stopped(Exception):
    """The report is to end."""


def best_candidate(folders: Sequence[Path]) -> Candidate | None:
    """Return whom to film: the best over runs; None if no snapshot was evaluated."""
    return max(filter(None, map(_candidate, folders)), default=None)


def _candidate(folder: Path) -> Candidate | None:
    snapshots = {int(path.name) for path in (folder / "snapshots").glob("*") if path.name.isdigit()}
    evaluated = snapshots & set(rounds_of(folder, "evaluations"))
    if not evaluated:
        return None
    last = max(evaluated)
    table = read_table(folder, "evaluations", last)
    table = table.filter(pc.equal(table["round"], last))
    member, returns = table["member"].to_numpy(), table["return"].to_numpy()
    means = [(float(returns[member == each].mean()), int(each)) for each in np.unique(member)]
    mean, best = max(means, key=lambda pair: (pair[0], -pair[1]))
    return Candidate(mean, folder, last, best)


def _mark(folder: Path) -> tuple:
    """Return what changes with anything that the page shows of a run."""
    files = [folder / name for name in ("config.toml", "run.json", "events.jsonl")]
    files += sorted((folder / "scores").glob("*.parquet"))
    stamps = [(path.name, path.stat().st_mtime_ns) for path in files if path.exists()]
    return folder, rounds_of(folder, "members")[-1], stamps


def _state(folders: Sequence[Path], begun: Sequence[Path]) -> str:
    """Return in words whether the runs are still training."""
    training = sum(locks.holder(folder / LOCK) is not None for folder in folders)
    if len(folders) > 1:
        return f"{training} of {count(len(folders), 'run')} still training"
    if training:
        return "Still training" if begun else "Training its first round"
    return "Not training: finished, or interrupted" if begun else "Not training: no round is done yet"


def _said(error: Exception, what: str) -> str:
    """Return a line on what went wrong; what is no fault of the run's is logged in full."""
    if not isinstance(error, RunError | ConfigError | OSError):
        logging.getLogger(__name__).exception(what)
    return f"{what}: {(str(error) or type(error).__name__).splitlines()[0]}"
