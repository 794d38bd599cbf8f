"""What a training run writes to its folder, and in which order: so that a kill at any moment loses no finished round.

Of a round first its tables, `members` last of them, then its snapshot. A run that goes back deletes later snapshots
before later tables: whatever is left has all rounds before it.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from dsjax.config import loading
from dsjax.config.schema import Config
from dsjax.storage.atomic import clear_temporaries, refuse_taken, write_text
from dsjax.storage.metadata import add_event, add_session, command_line
from dsjax.storage.snapshots import Snapshots
from dsjax.storage.tables import discard_after, write_table
from dsjax.training.runtime import computing


class RunWriter:
    """A run's folder, open to train; nobody else may be writing there."""

    def __init__(self, config: Config, folder: Path, resume: bool) -> None:
        """Open a run's folder, or begin a run in a new one.

        Raises:
          RunError: a run is there already.
          ConfigError: the run to resume has another config.
        """
        self._config, self._folder = config, folder
        self._changes: dict[str, tuple[Any, Any]] = {}
        if resume:
            self._changes = loading.changes(loading.read_config(folder / "config.toml"), config, folder)
            clear_temporaries(folder)
        else:
            refuse_taken(folder)  # again: another process may have been first
            write_text(folder / "config.toml", loading.to_toml(config))
        self._snapshots = Snapshots(folder, config.snapshots.keep_every, training=True)

    def load(self, number: int | None) -> tuple[int, dict[str, np.ndarray]] | None:
        """Return the round and the arrays of a snapshot, the latest if the number is None.

        Returns:
          None if the run was killed before its first snapshot: it begins again.
        """
        there = self._snapshots.numbers()
        if number is None and not there:
            discard_after(self._folder, -1)
            return None
        number = there[-1] if number is None else number
        return number, self._snapshots.load(number)

    def rewind(self, number: int) -> None:
        """Delete all that the run recorded after a round."""
        there = self._snapshots.numbers()
        if number < there[-1]:
            self.event("rewound", round=number, before=there[-1])
        self._snapshots.discard_after(number)
        discard_after(self._folder, number)

    def begin_session(self, number: int) -> list[str]:
        """Record the session and what it changes, from a round on; return what the user should read of it."""
        if self._changes:
            write_text(self._folder / "config.toml", loading.to_toml(self._config))
            stated = {key: list(values) for key, values in self._changes.items()}
            self.event("config changed", round=number, changes=stated)
        notices = []
        for name, (before, now) in add_session(self._folder, command_line(), computing()).items():
            self.event("computed otherwise", what=name, before=before, now=now)
            notices.append(f"{name} was {before} and is {now} now: from here on the bits may differ")
        return notices

    def event(self, kind: str, **details: Any) -> None:
        """Record something that happened."""
        add_event(self._folder, kind, **details)

    def write(self, number: int, tables: Mapping[str, Mapping[str, Any]]) -> None:
        """Write the tables of a round, by name, in their order."""
        for name, columns in tables.items():
            write_table(self._folder, name, number, columns)

    def save(self, number: int, arrays: dict[str, np.ndarray], frozen_return: float | None) -> None:
        """Start writing the snapshot of a round; see `Snapshots.save`."""
        self._snapshots.save(number, arrays, frozen_return)

    def settle(self) -> None:
        """Wait until all that was written is on the disk, and nothing is being written or deleted."""
        self._snapshots.wait()

    def close(self) -> None:
        """Finish writing and let go of the folder."""
        self._snapshots.close()
