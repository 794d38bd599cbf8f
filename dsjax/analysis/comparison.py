"""Members of one run or of many, in groups that differ in how they were trained.

No member is left out: those that were stopped, or trained for less than others, count as far as they went.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from dsjax.analysis.formats import count
from dsjax.analysis.members import Member, is_scored, member_histories
from dsjax.config import loading
from dsjax.config.schema import Config, physics_of
from dsjax.errors import ConfigError, RunError
from dsjax.storage.run import Run, read_run

# Keys that do not make a group: which members there are, for how long and where they ran, how they were watched.
_SECTIONS = ("evaluation.", "snapshots.", "environment.workers")
_KEYS = ("seed", "members", "first_member", "points", "episodes", "steps", "until_solved")
# Members whose last steps differ by less are taken to end together: resets are no steps, so no two end quite alike.
SAME_END = 0.95
_LONGEST_LABEL = 48  # letters of a group's values; longer ones are a table beside the names of the runs


@dataclass(frozen=True)
class Group:
    """Members that were trained alike."""

    label: str
    members: list[Member]

    def scores(self) -> np.ndarray:
        """Return the mean final return of the frozen centers of each member that was ever evaluated."""
        scores = np.array([member.score for member in self.members])
        return scores[np.isfinite(scores)]

    def watched(self, unit: str) -> np.ndarray:
        """Return until when each member might have been solved, (N,), in one of `members.UNITS`.

        A member that was stopped will not be solved: it counts as watched for as long as any of the group. So do those
        that end together: or one solved in the last round would seem to have outlived those of another run.
        """
        watched = np.array([member.watched(unit) for member in self.members])
        together = (unit == "step") & (watched >= SAME_END * watched.max())
        return np.where([member.running for member in self.members] & ~together, watched, watched.max())


@dataclass(frozen=True)
class Comparison:
    """Groups of members, with caveats."""

    groups: list[Group]
    terrains: str  # set of terrains on which the final frozen centers walked
    notes: list[str]
    differences: list[dict[str, Any]]  # a row per config key in which groups differ: "key", and each group's value

    @property
    def members(self) -> list[Member]:
        """The members of all groups, in order."""
        return [member for group in self.groups for member in group.members]


def compare(folders: Sequence[Path], by: Sequence[str] = (), labels: Sequence[str] = ()) -> Comparison:
    """Read runs and group their members.

    Args:
      folders: of the runs.
      by: config keys; members with the same values of these make a group. By default all that say how they learn.
      labels: what to call the groups, in the order in which their members are found; the values in which they differ
        if empty.

    Raises:
      RunError: there is no run, one cannot be read, or two hold the same members.
      ConfigError: there is no such key, or there are not as many labels as groups.
    """
    if not folders:
        raise RunError("nothing to compare; name at least one run folder, as runs/NAME")
    known = loading.flat(loading.build({}))
    if unknown := [key for key in by if key not in known]:
        raise ConfigError(f"--by: {loading.unknown_key(unknown[0])}")
    found = [read_run(folder) for folder in folders]
    # All on the same terrains, or the comparison would be of terrains.
    scored = all(map(is_scored, found))
    members = [member for run in found for member in member_histories(run, scored)]
    _refuse_repeats(members)
    together: dict[tuple, list[Member]] = {}
    for member in members:
        together.setdefault(tuple(_values(member.config, by).items()), []).append(member)
    _refuse_mixed_tasks(together.values(), by)
    firsts = [alike[0].config for alike in together.values()]
    differing = _differing(firsts, by)
    described = _labels(firsts, by, differing)
    branched = any(key.startswith("parent.") for key in differing)  # the name of a run's parent is none for the run
    if not by and (branched or max(map(len, described)) > _LONGEST_LABEL):
        described = _names(list(together.values()))
    if labels and len(labels) != len(described):
        raise ConfigError(f"--labels: there are {len(labels)} for {len(described)} groups: {'; '.join(described)}")
    if len(set(labels)) < len(labels):
        raise ConfigError(f"--labels {' '.join(labels)}: each group needs a name of its own")
    labels = labels or described
    groups = [Group(label, alike) for label, alike in zip(labels, together.values(), strict=True)]
    notes = [note for run in found for note in run.notes]
    rows = [_difference(key, labels, firsts) for key in differing]
    return Comparison(groups, "test-v1" if scored else held_out(found), notes + notes_on(groups), rows)


def held_out(runs: Iterable[Run]) -> str:
    """Return the set of terrains on which runs were evaluated in training; several, joined, where they differ."""
    return " and ".join(sorted({run.held_out for run in runs}))


def _values(config: Config, by: Sequence[str] = ()) -> dict[str, Any]:
    """Return the values of a config, by key, that make a group."""
    values = loading.flat(config)
    values["environment.backend"] = physics_of(config.environment.backend)
    return {
        key: value
        for key, value in values.items()
        if (key in by if by else key not in _KEYS and not key.startswith(_SECTIONS))
    }


def _refuse_repeats(members: Sequence[Member]) -> None:
    """Raise RunError if two members are the same: they would pass for independent ones."""
    seen: dict[tuple, Path] = {}
    for member in members:
        config, folder = member.config, member.run.folder
        same = config.seed, config.first_member, *_values(config).items()
        if same in seen:
            raise RunError(
                f"{seen[same]} and {folder} have the same config and seed: their members are the same, "
                f"not independent; leave one out"
            )
        seen[same] = folder


def _refuse_mixed_tasks(groups: Iterable[list[Member]], by: Sequence[str]) -> None:
    """Raise ConfigError if members of one group walk on different tasks."""
    for members in groups:
        if len(tasks := _tasks(members)) > 1:
            raise ConfigError(
                f"--by {' '.join(by)} makes one group of members on {' and on '.join(tasks)}, whose returns are not of "
                f"the same kind; add environment.id to --by"
            )


def _tasks(members: Sequence[Member]) -> list[str]:
    """Return the tasks that members walk on, by name."""
    return sorted({member.config.environment.id for member in members})


def _labels(firsts: Sequence[Config], by: Sequence[str], keys: Sequence[str]) -> list[str]:
    """Return each group's label, given one config of each and the keys in which these differ: its values of them.

    A group that stands alone is called by its preset and what is not as in its preset.
    """
    if len(firsts) == 1 and not by:
        [config] = firsts
        values, own = _values(config), _values(loading.build({"preset": config.preset}))
        own |= {key: values[key] for key in values if key.startswith("parent.") or key == "environment.backend"}
        keys = ["preset", *(key for key in values if values[key] != own[key])]
    return [", ".join(loading.described(key, _values(config, by)[key]) for key in keys) for config in firsts]


def _differing(firsts: Sequence[Config], by: Sequence[str]) -> list[str]:
    """Return the keys in which groups differ, given one config of each.

    What comes with a preset is left out: the preset's name tells enough.
    """
    values = [_values(config, by) for config in firsts]
    if by:
        return list(by)
    differing = [key for key in values[0] if len({value[key] for value in values}) > 1]
    if "preset" in differing:
        own = [_values(loading.build({"preset": config.preset})) for config in firsts]
        changed = {key for v, o in zip(values, own, strict=True) for key in v if v[key] != o[key]}
        differing = [key for key in differing if key == "preset" or key in changed]
    return differing


def _difference(key: str, labels: Sequence[str], firsts: Sequence[Config]) -> dict[str, Any]:
    """Return a row of `Comparison.differences`."""
    return {"key": key, **{label: _values(config, [key])[key] for label, config in zip(labels, firsts, strict=True)}}


def _names(groups: Sequence[Sequence[Member]]) -> list[str]:
    """Return each group's name by its runs' folders, with as many of the folders above as tell them apart."""
    folders = [list(dict.fromkeys(member.run.folder.resolve() for member in group)) for group in groups]
    every = {folder for group in folders for folder in group}
    depth = next(n for n in range(1, 99) if len({folder.parts[-n:] for folder in every}) == len(every))
    names = [["/".join(folder.parts[-depth:]) for folder in group] for group in folders]
    texts = [first if not rest else f"{first} and {count(len(rest), 'more run')}" for first, *rest in names]
    if len(set(texts)) == len(texts):
        return texts
    # Groups of one run, as of a sweep's job.
    return [f"{text} ({number})" for number, text in enumerate(texts)]


def notes_on(groups: Sequence[Group]) -> list[str]:
    """Return the caveats to print with the comparison, a line each."""
    members = [member for group in groups for member in group.members]
    notes = []
    if len(tasks := _tasks(members)) > 1:
        notes.append(f"members walk on different tasks, {' and '.join(tasks)}: their returns are not of the same kind")
    # An evaluation in training meets more terrains where a member may be solved, whatever its config says.
    counts = {len(m.final["return"]) if m.scored else m.config.evaluation.episodes for m in members} - {0}
    if len(counts) > 1:
        notes.append(
            f"final frozen returns are over {min(counts)} to {max(counts)} terrains, not alike for all members"
        )
    for group in groups:
        for member in group.members:
            who, steps = f"{member.run.folder}: member {member.index}", f"{member.trained('step'):,} steps"
            if not member.running:
                notes.append(f"{who} was stopped after {steps}, as its action was not finite")
            if not np.isfinite(member.score):
                notes.append(f"{who} was never evaluated, and has no frozen return")
        if every := max(member.config.selection.every for member in group.members):
            notes.append(
                f"{group.label}: trained with selection.every = {every}: its members copied each other, and are not "
                f"independent, though intervals and probabilities treat them so"
            )
        notes += [f"{group.label}: {note}" for note in dict.fromkeys(map(_note_on, group.members)) if note]
        paused = np.array([member.paused for member in group.members])
        if paused.any():
            notes.append(f"{group.label}: {paused.sum()} of {len(paused)} members are paused since they were solved")
        trained = np.array([member.trained("step") for member in group.members])
        if short := int(np.sum(~paused & (trained < SAME_END * trained.max()))):
            end = f"{trained.max():,} steps"
            notes.append(f"{group.label}: {short} of {len(trained)} members end before the longest, at {end}")
    return notes


def _note_on(member: Member) -> str:
    """Return a line on how a member of a branch started; "" where it was untrained."""
    parent = member.config.parent
    if not parent.run:
        return ""
    counted = "are counted" if member.before["step"] else "are not counted"
    if not parent.best_of:
        return f"all started as one trained member, whose steps {counted}: intervals say nothing of other seeds"
    if parent.best_of == 1:
        return f"each member continues another run's, whose steps {counted}"
    return f"each member started as the best of {parent.best_of}, whose steps {counted}; those of the others are not"
