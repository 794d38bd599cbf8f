"""Trained controllers, as a snapshot of a run holds them: to score, to look into, to film."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from dsjax.beginning import restored
from dsjax.config import Config
from dsjax.controller import ControllerParams
from dsjax.population import PopulationState
from dsjax.records import RunError
from dsjax.runs import check_member, load_config
from dsjax.snapshot import Snapshots


@dataclass(frozen=True)
class Trained:
    """The population of one snapshot."""

    folder: Path  # of the run
    config: Config
    round: int  # of the snapshot
    state: PopulationState
    steps: np.ndarray  # (N,) environment steps that each member had trained for

    def params(self) -> ControllerParams:
        """Return the members' numbers, leaves (N,)."""
        return self.config.population_params()

    def members(self, chosen: Sequence[int] = ()) -> list[int]:
        """Return the chosen members in order; without a choice all that were not stopped.

        Raises:
          RunError: a chosen member does not exist, or there is none to choose.
        """
        for member in chosen:
            check_member(self.folder, self.config, member)
        members = chosen or [int(m) for m in np.flatnonzero(np.asarray(self.state.running))]
        if not members:
            raise RunError(f"{self.folder}: every member was stopped for a value that was not finite")
        return sorted(set(members))


def load(folder: Path, snapshot: str = "latest") -> Trained:
    """Return the controllers of a run's snapshot.

    Args:
      folder: of the run, which may still be going on.
      snapshot: "latest", "best" (by the median return of the frozen centers in training), or a round.

    Raises:
      RunError: there is no such run or snapshot, or it cannot be read.
    """
    folder = Path(folder)
    config = load_config(folder)
    snapshots = Snapshots(folder)
    try:
        number = _choose(snapshots, folder, snapshot)
        arrays = snapshots.load(number)
    finally:
        snapshots.close()
    return Trained(folder, config, number, restored(config, arrays), arrays["tally.steps"])


def _choose(snapshots, folder, wanted):
    there = snapshots.numbers()
    if not there:
        raise RunError(f"{folder}: there is no snapshot yet")
    if wanted == "latest":
        return there[-1]
    if wanted == "best":
        return snapshots.best()
    if wanted.isdigit():
        return int(wanted)
    raise RunError(f"--snapshot {wanted}: must be latest, best or one of {', '.join(map(str, there))}")
