"""A run's folder, read: what it was told to do and what it has done so far.

Reads finished runs and those still going on alike: files are written whole, so all that is there can be used.
"""

from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa

from dsjax import config as configs
from dsjax.config import Config, ConfigError
from dsjax.records import RunError, read_scores, read_sessions, read_table, version


@dataclass(frozen=True)
class Run:
    """All records of one run."""

    folder: Path
    config: Config
    sessions: list[dict]  # entries of run.json: command, versions, machine
    episodes: pa.Table  # as records.SCHEMAS, like the others
    members: pa.Table
    evaluations: pa.Table
    selections: pa.Table  # empty in a run without selection
    scores: pa.Table  # frozen centers on the reporting terrains, of the latest snapshot scored; empty if none was

    @property
    def name(self) -> str:
        """What to call the run in a figure."""
        return self.folder.name


def load_config(folder: Path) -> Config:
    """Return the config of a run folder.

    Raises:
      RunError: there is no run, or another version of dsjax wrote it.
      ConfigError: its config is damaged.
    """
    folder = Path(folder)
    if not (folder / "config.toml").exists():
        raise RunError(f"{folder}: there is no run here")
    try:
        return configs.load(folder / "config.toml")
    except ConfigError as error:
        raise _of_another_version(folder, str(error).splitlines()[0]) or error from None


def load(folder: Path) -> Run:
    """Return a run's records.

    Raises:
      RunError: there is no run, nothing is recorded yet, or another version of dsjax wrote it.
    """
    config = load_config(folder)
    folder = Path(folder)
    try:
        tables = {name: read_table(folder, name) for name in ("episodes", "members", "evaluations", "selections")}
        scores = read_scores(folder)
    except RunError as error:
        raise _of_another_version(folder, str(error)) or error from None
    if not len(tables["members"]):
        raise RunError(f"{folder}: nothing is recorded yet; wait for the end of the first round")
    return Run(folder, config, read_sessions(folder), **tables, scores=scores)


def check_member(folder: Path, config: Config, member: int) -> None:
    """Raise RunError unless the run has such a member."""
    if not 0 <= member < config.rows:
        raise RunError(f"{folder} has no member {member}; its members are 0 to {config.rows - 1}")


def _of_another_version(folder, reason):
    """Return a RunError if the run's last session was of another version of dsjax, else None."""
    sessions = read_sessions(folder)
    written = sessions[-1]["versions"]["dsjax"] if sessions else version("dsjax")
    if written == version("dsjax"):
        return None
    return RunError(
        f"{folder} was written by dsjax {written}, which this dsjax {version('dsjax')} cannot read ({reason}); "
        f"install dsjax {written} to look at it"
    )
