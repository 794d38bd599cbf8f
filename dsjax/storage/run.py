"""Read a run's folder: its config and its tables.

Reads finished runs and those still going on alike: files are written whole, so all that is there can be used.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from dsjax.config import loading
from dsjax.config.schema import Config
from dsjax.envs.task import JAX_TERRAINS
from dsjax.errors import ConfigError, RunError
from dsjax.storage.metadata import read_before, read_events, read_sessions, version
from dsjax.storage.tables import read_scores, read_table, rounds_of

_OTHERS = ("episodes", "evaluations", "selections")


@dataclass(frozen=True)
class Run:
    """All records of one run."""

    folder: Path
    config: Config
    sessions: list[dict]  # entries of run.json: command, versions, machine
    episodes: pa.Table  # as tables.SCHEMAS, like the others
    members: pa.Table
    evaluations: pa.Table
    selections: pa.Table  # empty in a run without selection
    scores: pa.Table  # frozen centers on the reporting terrains, of the latest snapshot scored; empty if none was
    notes: list[str]  # what a reader must know, as of evaluations that are missing
    before: dict[str, list[int]]  # in a branch what each row's parents had trained for: "step" and "episode"; else 0

    @property
    def name(self) -> str:
        """What to call the run in a figure."""
        return self.folder.name

    @property
    def held_out(self) -> str:
        """Set of terrains on which the frozen centers were evaluated in training."""
        return next(iter(pc.unique(self.evaluations["terrains"]).to_pylist()), "validation-v1")


def read_run_config(folder: Path) -> Config:
    """Return the config of a run folder.

    Raises:
      RunError: there is no run, or another version of dsjax wrote it.
      ConfigError: its config is damaged.
    """
    folder = Path(folder)
    if not (folder / "config.toml").exists():
        raise RunError(f"{folder}: there is no run here")
    try:
        return loading.read_config(folder / "config.toml")
    except ConfigError as error:
        raise _of_another_version(folder, str(error).splitlines()[0]) or error from None


def read_run(folder: Path) -> Run:
    """Return a run's records, up to the last round that is whole: one that is being written counts for nothing yet.

    Raises:
      RunError: there is no run, nothing is recorded yet, another version of dsjax wrote it, or rounds are missing.
    """
    config, folder = read_run_config(folder), Path(folder)
    rounds = rounds_of(folder, "members")  # of a round the last table to be written
    if not rounds:
        raise RunError(f"{folder}: nothing is recorded yet; wait for the end of the first round")
    try:
        tables = {name: read_table(folder, name, rounds[-1]) for name in ("members", *_OTHERS)}
        scores = read_scores(folder)
    except RunError as error:
        raise _of_another_version(folder, str(error)) or error from None
    notes = _missing(folder, config, tables["members"], rounds) + _of_jax(folder, tables["evaluations"])
    before = read_before(folder, config.rows)
    return Run(folder, config, read_sessions(folder), **tables, scores=scores, notes=notes, before=before)


def _missing(folder: Path, config: Config, members: pa.Table, rounds: list[int]) -> list[str]:
    """Return a note on evaluations that are missing.

    Raises:
      RunError: rounds of other tables are missing: what is left would be taken for the whole.
    """
    last = rounds[-1]
    every = {"members": lambda number: 1, "episodes": lambda number: 1, "selections": lambda n: config.selection.every}
    gaps = {name: _gaps(rounds_of(folder, name), last, often) for name, often in every.items()}
    for name, missing in gaps.items():
        if missing:
            raise RunError(
                f"{folder}: {name} of {_spans(missing)} missing; restore the files of {folder / name}, or train again "
                f"from a snapshot before: train.py --output {folder} --resume --snapshot N"
            )
    missing = _gaps(rounds_of(folder, "evaluations"), last, _evaluated_every(folder, config))
    trains_on = pc.any(members.filter(pc.equal(members["round"], last))["running"]).as_py()
    missing = [number for number in missing if number < last or trains_on]  # the stopped are not evaluated
    where = f"{folder}: evaluations of {_spans(missing)} missing; curves of the frozen centers lack them"
    return [where] if missing else []


def _of_jax(folder: Path, evaluations: pa.Table) -> list[str]:
    """Return a note on evaluations that are not of gymnasium's walkers."""
    if JAX_TERRAINS not in pc.unique(evaluations["terrains"]).to_pylist():
        return []
    return [
        f"{folder}: evaluated in training on the JAX walkers and their terrains, {JAX_TERRAINS}; `dsjax evaluate` "
        f"scores members on gymnasium's"
    ]


def _gaps(there: Sequence[int], last: int, every: Callable[[int], int]) -> list[int]:
    """Return the rounds from 1 to `last` of which there is no table, where there should be one after `every` rounds."""
    due = (number for number in range(1, last + 1) if every(number) and number % every(number) == 0)
    return sorted(set(due) - set(there))


def _evaluated_every(folder: Path, config: Config) -> Callable[[int], int]:
    """Return the function from a round to how often members were evaluated then: a resume may change it."""
    now, changed = config.evaluation.every, [(0, config.evaluation.every)]
    for event in read_events(folder):
        if values := event.get("changes", {}).get("evaluation.every"):
            if len(changed) == 1:
                changed = [(0, values[0])]
            changed.append((event["round"], now := values[1]))
        elif event["event"] == "rewound":  # and from there on as it was last
            changed = [change for change in changed if change[0] < event["round"]] + [(event["round"], now)]
    return lambda number: next(every for since, every in reversed(changed) if since < number)


def _spans(rounds: Sequence[int]) -> str:
    """Return rounds in words, as the subject of a sentence about what is missing: "rounds 1, 3 to 5 are"."""
    runs: list[list[int]] = []
    for number in rounds:
        if runs and number == runs[-1][-1] + 1:
            runs[-1].append(number)
        else:
            runs.append([number])
    texts = [f"{run[0]} to {run[-1]}" if len(run) > 1 else str(run[0]) for run in runs]
    return f"round {texts[0]} are" if len(rounds) == 1 else f"rounds {', '.join(texts)} are"


def check_member(folder: Path, config: Config, member: int) -> None:
    """Raise RunError unless the run has such a member."""
    if not 0 <= member < config.rows:
        raise RunError(f"{folder} has no member {member}; its members are 0 to {config.rows - 1}")


def _of_another_version(folder: Path, reason: str) -> RunError | None:
    """Return a RunError if the run's last session was of another version of dsjax, else None."""
    sessions = read_sessions(folder)
    written = sessions[-1]["versions"]["dsjax"] if sessions else version("dsjax")
    if written == version("dsjax"):
        return None
    return RunError(
        f"{folder} was written by dsjax {written}, which this dsjax {version('dsjax')} cannot read ({reason}); "
        f"install dsjax {written} to look at it"
    )
