"""Trained controllers of a run's snapshot, or of a file: to score, to look into, to film."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.compute as pc

from dsjax import population
from dsjax.analysis.stats import describe_episodes
from dsjax.config.schema import Config
from dsjax.controller import ControllerParams
from dsjax.errors import RunError
from dsjax.population import PopulationState
from dsjax.storage import hyperparameters, pretrained
from dsjax.storage.metadata import read_sessions
from dsjax.storage.run import check_member, read_run_config
from dsjax.storage.snapshots import Snapshots
from dsjax.storage.states import first_centers, from_file, restored, untrained
from dsjax.storage.tables import read_scores_file, scores_path


@dataclass(frozen=True)
class Controllers:
    """The population of one snapshot, or of a controller's file."""

    folder: Path  # of the run; or "pretrained:NAME", or a controller's file
    config: Config
    round: int  # of the snapshot
    state: PopulationState
    steps: np.ndarray  # (N,) environment steps that each member had trained for
    restarts: np.ndarray  # (N,) how often each member had started over
    numbers: dict[str, np.ndarray] = field(default_factory=dict)  # (N,) by key, those that selection has changed
    origin: dict[str, Any] = field(default_factory=dict)  # of a controller's file, see `storage.pretrained`

    @property
    def name(self) -> str:
        """What to call them in a file's name or a figure."""
        return self.folder.resolve().name if self.in_run() else Path(str(pretrained.name_of(self.folder))).stem

    def in_run(self) -> bool:
        """Return whether they are of a run, whose folder takes what is found out about them."""
        return pretrained.name_of(self.folder) is None

    def called(self, member: int) -> str:
        """Return what to call a member: the name of a controller's file, or its run and number."""
        return f"{self.name} member {member}" if self.in_run() else self.name

    def about(self, member: int) -> str:
        """Return one line on a member: where it comes from, and how well it walks if that is known."""
        trained = f"{self.steps[member]:,} steps of training"
        if self.in_run():
            return f"{self.called(member)}: {trained}"
        text = f"{self.called(member)}: {trained} in {self.origin['run']}"
        if found := self.origin.get("scores"):
            text += (
                f"; frozen centers on {found['episodes']} terrains of {found['terrains']}: mean {found['mean']:.1f}, "
                f"worst {found['worst']:.1f}, falls {found['fall_rate']:.0%}"
            )
        return text

    def params(self) -> ControllerParams:
        """Return the members' numbers, leaves (N,), as of the snapshot."""
        return hyperparameters.replaced(self.config.population_params(), self.numbers)

    def alone(self, member: int) -> Config:
        """Return the config of one member alone, with its numbers as of the snapshot."""
        return hyperparameters.alone(self.config, member, self.numbers)

    def untrained_centers(self) -> np.ndarray:
        """Return where the members' centers were when they last began, (N, 438)."""
        if self.in_run():
            return first_centers(self.config, self.folder, self.restarts)
        return np.asarray(untrained(self.config).members.synapses.center)

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


def load_controllers(folder: Path, snapshot: str = "latest") -> Controllers:
    """Return the controllers of a run's snapshot, or one that ships with dsjax.

    Args:
      folder: of the run, which may be training; or "pretrained:NAME" or a controller's file, which has one snapshot.
      snapshot: "latest", "best" (by the median return of the frozen centers in training), or a round.

    Raises:
      RunError: there is no such run or snapshot, or it cannot be read.
    """
    folder = Path(folder)
    if (name := pretrained.name_of(folder)) is not None:
        config, state, origin = from_file(name)
        return Controllers(
            folder, config, origin["round"], state, np.array([origin["steps"]]), np.zeros(1, int), origin=origin
        )
    config = read_run_config(folder)
    snapshots = Snapshots(folder)
    try:
        number = _choose(snapshots, folder, snapshot)
        arrays = snapshots.load(number)
    finally:
        snapshots.close()
    numbers = hyperparameters.restored(config, arrays)
    steps, restarts = arrays["tally.steps"], arrays.get("tally.restarts", np.zeros(config.rows, int))
    return Controllers(folder, config, number, restored(config, arrays), steps, restarts, numbers)


def export(trained: Controllers, member: int, path: Path) -> None:
    """Write one member to a file, see `pretrained.new_file`; in `pretrained.FOLDER` it ships with dsjax.

    Raises:
      RunError: there is no such member, or it is not of a run.
    """
    [member] = trained.members([member])
    if not trained.in_run():
        raise RunError(f"{trained.folder} is a controller's file already")
    session = read_sessions(trained.folder)[-1]
    origin = {
        "run": trained.name,
        "member": member,
        "round": trained.round,
        "steps": int(trained.steps[member]),
        **{key: session[key] for key in ("command", "git_commit", "versions")},
    }
    if scores := _scores(trained, member):
        origin["scores"] = scores
    pretrained.write(path, trained.alone(member), population.select(trained.state, np.array([member])), origin)


def _scores(trained: Controllers, member: int) -> dict[str, Any]:
    """Return what `dsjax evaluate` found of a member's frozen centers on test-v1 at this snapshot; {} if nothing."""
    terrains = "test-v1"
    table = read_scores_file(scores_path(trained.folder, trained.round, "centers", terrains))
    mine = table.filter(pc.equal(table["member"], member))
    columns = (mine[name].to_numpy() for name in ("return", "length", "outcome"))
    return {"terrains": terrains, **describe_episodes(*columns)} if len(mine) else {}


def _choose(snapshots: Snapshots, folder: Path, wanted: str) -> int:
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
