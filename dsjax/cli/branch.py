"""Branching: find the row of a run or a sweep to train once more or to branch from, or the best of its members."""

from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import numpy as np

from dsjax.config.schema import Config, ParentConfig
from dsjax.errors import RunError
from dsjax.storage import hyperparameters, pretrained
from dsjax.storage.branching import best_of_groups
from dsjax.storage.run import read_run_config
from dsjax.storage.states import latest_round, load_snapshot
from dsjax.sweeps import remote
from dsjax.sweeps.plan import read_plan
from dsjax.sweeps.spec import is_sweep

_BRANCH = 3  # purpose of these seeds, so that no others draw the same: see `pbt` and `rollout`


class Row(NamedTuple):
    """A member at a point."""

    folder: Path  # of its run
    run: Config
    row: int
    shipped: int | None = None  # round that a controller that ships with dsjax is of, whose run is not there

    def config(self) -> Config:
        """Return the config that trains it alone, to the same bits.

        Raises:
          RunError: it was trained with selection, or its run is not there.
        """
        if self.shipped is not None:
            raise RunError(
                f"{self.folder} is what a training led to; that cannot be repeated from it, only --branch can"
            )
        if every := self.run.selection.every:
            raise RunError(
                f"{self.folder}: trained with selection.every = {every}: its members copied each other, so that none "
                f"can be trained again alone; train the whole run again, or --branch from a member"
            )
        return self.run.row(self.row)

    def branch(self, number: int | None = None) -> Config:
        """Return the config of a run that begins with copies of it as trained.

        Its seed is `branch_seed` of the parent's, so that all that is random is drawn anew. Its numbers are the
        member's as of the snapshot, and its members are independent.

        Args:
          number: round of the snapshot; the latest if None.

        Raises:
          RunError: it has not been trained yet, or ships with dsjax as of another round.
        """
        if self.shipped is not None:
            if number not in (None, self.shipped):
                raise RunError(f"{self.folder} is as of round {self.shipped}, not {number}; leave out --snapshot")
            number = self.shipped
        number = latest_round(self.folder) if number is None else number
        parent = ParentConfig(run=str(self.folder), member=self.row, round=number)
        numbers = (
            hyperparameters.restored(self.run, load_snapshot(self.folder, number)) if self.run.selection.every else {}
        )
        own = hyperparameters.alone(self.run, self.row, numbers)
        return replace(own, seed=branch_seed(self.run.seed), first_member=0, parent=parent)


def branch_seed(parent: int) -> int:
    """Return the seed of a run that branches from one of the seed `parent`: a hash, which no other run has by chance.

    It follows from the parent's seed alone, so that a branch may be trained in parts, and branches of one run are
    paired: the same streams and terrains. It has 53 bits, as many as any reader of numbers keeps.
    """
    words = np.random.SeedSequence(parent, spawn_key=(_BRANCH,)).generate_state(1, np.uint64)
    return int(words[0] >> np.uint64(11))


def parent_seed(parent: ParentConfig) -> int:
    """Return the seed of the run that a branch begins from.

    Raises:
      RunError: there is no such run.
    """
    name = pretrained.name_of(parent.run)
    return (read_run_config(Path(parent.run)) if name is None else pretrained.read(name)[0]).seed


def find_row(place: str | Path, point: int, member: int) -> Row:
    """Return a member at a point of a sweep, or of a run: a run without points has point 0.

    Args:
      place: a folder; the depot of a sweep, of which a copy of the member's job is made to read; or "pretrained:NAME".
      point: the point.
      member: the member.

    Raises:
      RunError: there is no such run or member.
      ConfigError: the sweep has no such point or member.
    """
    if (name := pretrained.name_of(place)) is not None:
        run, _, origin = pretrained.read(name)
        return _row(Path(place), run, point, member, origin["round"])
    folder = remote.reading_copy(place)
    if is_sweep(folder):
        job, row = read_plan(folder).find(point, member)
        if remote.is_url(place):
            remote.fetch(folder, job.name)
        return Row(job.folder(folder), job.config, row)
    return _row(folder, read_run_config(folder), point, member)


def best_of(place: str | Path, size: int, number: int | None = None) -> Config:
    """Return the config of a run whose members begin as the best of every `size` members of another, in order.

    Best is whose frozen centers had the highest mean on validation terrains when last evaluated. The members of a group
    that are not chosen cost steps too: whoever counts a seed's steps counts theirs. All else is as for `Row.branch`; an
    index of the groups takes the place of the members', so that a run may be trained in parts.

    Args:
      place: folder of the run.
      size: of a group.
      number: round of the snapshot; the latest if None.

    Raises:
      RunError: there is no such run or snapshot, its members are not independent or do not make up whole groups, or
        none of a group's has been evaluated.
    """
    folder = Path(place)
    if pretrained.name_of(place) is not None or is_sweep(folder):
        raise RunError(f"{place}: --best-of takes the folder of a run")
    run = read_run_config(folder)
    number = latest_round(folder) if number is None else number
    best = best_of_groups(folder, run, load_snapshot(folder, number)["tally.frozen_return"], size)
    parent = ParentConfig(run=str(folder), best_of=size, round=number)
    return replace(
        run, seed=branch_seed(run.seed), members=len(best), first_member=run.first_member // size, parent=parent
    )


def _row(folder: Path, run: Config, point: int, member: int, shipped: int | None = None) -> Row:
    """Return a member at a point of a run, or raise RunError."""
    if not 0 <= point < run.rows // run.members or not 0 <= member < run.members:
        raise RunError(
            f"{folder} has no member {member} at point {point}; it has members 0 to {run.members - 1} "
            f"at points 0 to {run.rows // run.members - 1}"
        )
    return Row(folder, run, point * run.members + member, shipped)
