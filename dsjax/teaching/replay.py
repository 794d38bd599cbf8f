"""Compute a lesson again from the record of what was given, and compare it with what was saved, bit for bit."""

import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np

from dsjax.errors import RunError
from dsjax.storage.run import read_run_config
from dsjax.storage.states import latest_round, load_snapshot
from dsjax.storage.tables import read_table, rounds_of
from dsjax.teaching.school import TaughtTrainer
from dsjax.teaching.walkers import Gift, Moment


class Record:
    """The Teacher who gives what was given."""

    def __init__(self, folder: Path, last: int) -> None:
        """Read the record of a run, up to its last round.

        Raises:
          RunError: some of its rounds were not taught.
        """
        self._last = last
        if alone := rounds_alone(folder, last):
            raise RunError(
                f"{folder}: {len(alone)} of its {last} rounds were trained without a person, the first of them "
                f"round {alone[0]}; only lessons can be computed again"
            )
        table = read_table(folder, "lessons", self._last)
        self._gifts: dict[int, list[Gift]] = {number: [] for number in range(1, self._last + 1)}
        for row in table.select(["round", "given", "with_task"]).to_pylist():
            self._gifts[row["round"]].append(Gift(row["given"], row["with_task"]))
        self._round = 0
        self._tick = 0

    @property
    def over(self) -> bool:
        """Whether all rounds are computed."""
        return self._round >= self._last

    def begin_round(self, number: int) -> None:
        """Called before the first step of a round."""
        self._round, self._tick = number, 0

    def give(self) -> Gift:
        """Return what was given."""
        self._tick += 1
        return self._gifts[self._round][self._tick - 1]

    def see(self, moment: Moment) -> None:
        """Look at nothing."""

    def done(self) -> bool:
        """Return whether the round ended here."""
        return self._tick + 1 == len(self._gifts[self._round])


def rounds_alone(folder: Path, last: int) -> list[int]:
    """Return the rounds of a run, up to its last, that were trained without a person."""
    return sorted({*range(1, last + 1)} - {*rounds_of(folder, "lessons")})


def replay(folder: Path) -> int:
    """Compute a lesson again, and return its environment steps if its last snapshot is the same to the bit.

    Raises:
      RunError: there is no run, it cannot be computed again, or it comes out otherwise.
    """
    config = read_run_config(folder)
    number = latest_round(folder)
    saved = load_snapshot(folder, number)
    # The record alone says when it ends: limits may have changed on the way.
    config = replace(config, steps=0, episodes=0, until_solved=False)
    with tempfile.TemporaryDirectory() as place:
        again = Path(place) / "run"
        TaughtTrainer(config, again, Record(folder, number)).run()
        ends = latest_round(again)
        computed = load_snapshot(again, ends)
    if ends != number:
        raise RunError(f"{folder}: its record ends after round {ends}, and its snapshots after round {number}")
    for name, value in saved.items():
        if not np.array_equal(value, computed[name], equal_nan=value.dtype.kind == "f"):
            raise RunError(
                f"{folder}: computed again, round {number} differs in {name}: another machine or version of dsjax or "
                f"JAX may round otherwise; see run.json"
            )
    return int(saved["tally.steps"][0])
