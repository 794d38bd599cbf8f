"""The command line of training: a config file, a run to resume or a member to begin from, with flags over it."""

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated

import tyro

from dsjax import config as configs
from dsjax.config import Config
from dsjax.errors import ConfigError
from dsjax.sections import FIRST_VALUES

_ORIGINS = ("--from", "--branch", "--config", "--preset", "--resume")  # of a run's config: one at most
_PLACE = ("--point", "--member")


@dataclass(frozen=True, kw_only=True)
class TrainCommand:
    """Train a population of dynamic-synapse controllers to walk: a new one, one begun, or one member of another run."""

    config: Path | None = None
    """TOML file; what it does not say is as in its preset, and flags override it."""
    output: Path | None = None
    """Run folder; runs/CONFIG-seedN if not given."""
    resume: bool = False
    """Continue the run in --output. --steps and --episodes are totals, not what to add."""
    autoresume: bool = False
    """Start the run in --output, or resume it if it has been started: one command for a job that may be requeued."""
    snapshot: int | None = None
    """Round of the snapshot to resume or to branch from; the latest if not given. Resuming deletes what came after."""
    source: Annotated[str | None, tyro.conf.arg(name="from")] = None
    """Run or sweep, folder or URL, whose --member at --point to train once more, alone: the same trajectory."""
    branch: str | None = None
    """Run or sweep whose trained --member at --point all members begin as, on random streams of their own; or
    pretrained:NAME."""
    point: int | None = None
    """Point of the sweep, for --from and --branch; 0 if not given."""
    member: int | None = None
    """Member, for --from and --branch; 0 if not given."""
    best_of: int | None = None
    """For --branch, in place of --member: a run, whose members are taken in groups of so many in a row; each member
    of the branch begins as the best of a group, by its frozen centers in training. 1: all continue, each as it was."""
    render: bool = False
    """Watch one member live, in a window."""
    render_member: int = 0
    """Which member to watch."""
    tensorboard: bool = False
    """Mirror the figures of every round to RUN/tensorboard, for TensorBoard to show."""
    settings: Annotated[Config, tyro.conf.arg(name="")]
    """The run."""

    @property
    def folder(self) -> Path:
        """The run's folder."""
        name = f"{self.config.stem if self.config else self.settings.preset}-seed{self.settings.seed}"
        if place := self.source or self.branch:
            origin = "from" if self.source else "branch"
            what = f"point{self.point or 0}-member{self.member or 0}"
            what = f"best-of-{self.best_of}" if self.best_of else what
            name = f"{Path(place).stem.replace(':', '-')}-{origin}-{what}"
        return self.output or Path("runs") / name

    def watched(self) -> int | None:
        """Return the member to watch, or None."""
        return self.render_member if self.render else None


def parse_train(arguments: list[str]) -> TrainCommand:
    """Return the command of a train script's arguments; with --autoresume, `resume` says whether there is a run.

    The defaults of all flags are the values of the TOML file, or of the run to resume, or of the preset.

    Raises:
      ConfigError: the resulting config cannot be run, or is not that of the run to resume.
      RunError: there is no run to resume or to begin from.
      SystemExit: the flags cannot be parsed; the reason has been printed.
    """
    stored = _stored(arguments)
    base = _base(arguments, stored)
    command = tyro.cli(TrainCommand, args=arguments, default=TrainCommand(settings=base))
    settings = configs.check(asdict(command.settings), "command line")
    _refuse_alone(command)
    if stored:
        configs.changes(stored, settings, command.folder)
    if not 0 <= command.render_member < settings.rows:
        raise ConfigError(f"--render-member {command.render_member}: members are 0 to {settings.rows - 1}")
    if command.branch and not stored:
        _refuse_no_branch(base, settings)
    if command.source and (changed := _changed(base, settings, "members", "first_member")):
        raise ConfigError(f"{changed}: --from trains one member, alone; to train more from it, use --branch")
    values = {"settings": settings, "output": command.folder, "resume": command.resume or stored is not None}
    return TrainCommand(**vars(command) | values)


def _stored(arguments):
    """Return the config of the run to resume; None if a new one is to be started.

    Raises:
      ConfigError: its folder is not given.
      RunError: there is no run.
    """
    flag = next((flag for flag in ("--resume", "--autoresume") if _peek(arguments, flag) is not None), None)
    if flag is None:
        return None
    output = _peek(arguments, "--output")
    if not output:
        raise ConfigError(f"{flag} needs the run's folder: --output runs/NAME")
    from dsjax.runs import load_config

    return load_config(Path(output)) if flag == "--resume" or (Path(output) / "config.toml").exists() else None


def _base(arguments, stored):
    """Return the config that flags change."""
    origin = next((flag for flag in ("--from", "--branch") if _peek(arguments, flag)), None)
    name, source = _peek(arguments, "--preset"), _peek(arguments, "--config")
    overrides = {"preset": name} if name else {}
    if origin and not (stored and _peek(arguments, "--autoresume") is not None):
        return _descended(arguments, origin)
    if source:
        return configs.load(Path(source), **overrides)
    return stored or configs.build(overrides, "--preset" if overrides else "config")


def _peek(arguments, flag):
    """Return the value after a flag, "" if nothing follows, None without the flag: what defaults depend on."""
    for position, argument in enumerate(arguments):
        if argument == flag:
            return (arguments[position + 1 : position + 2] or [""])[0]
        if argument.startswith(flag + "="):
            return argument.removeprefix(flag + "=")
    return None


def _descended(arguments, origin):
    """Return the config of --from or --branch, before other flags."""
    from dsjax.lineage import best_of, find_row

    if other := [flag for flag in _ORIGINS if flag != origin and _peek(arguments, flag) is not None]:
        raise ConfigError(f"{origin} and {other[0]} each say what to begin with; leave one out")
    point, member = (int(text) if (text := _peek(arguments, flag) or "0").isdigit() else 0 for flag in _PLACE)
    number = _peek(arguments, "--snapshot")
    number = int(number) if number and number.isdigit() else None
    if origin == "--branch" and (size := _peek(arguments, "--best-of")):
        if any(_peek(arguments, flag) is not None for flag in _PLACE):
            raise ConfigError("--best-of and --member each say what to begin with; leave one out")
        return best_of(_peek(arguments, origin), int(size) if size.isdigit() else 0, number)
    row = find_row(_peek(arguments, origin), point, member)
    if origin == "--from":
        return row.config()
    return row.branch(number)


def _refuse_alone(command):
    """Raise ConfigError for a flag that has no effect without another one."""
    begins = bool(command.source or command.branch)
    for flag, value, fits, needed in (
        ("--best-of", command.best_of, bool(command.branch), "--branch"),
        ("--point", command.point, begins, "--from or --branch"),
        ("--member", command.member, begins, "--from or --branch"),
        ("--snapshot", command.snapshot, command.resume or bool(command.branch), "--resume or --branch"),
    ):
        if value is not None and not fits:
            raise ConfigError(f"{flag} {value}: goes with {needed}")


def _changed(base, settings, *keys):
    """Return the flag of the first of these keys that the command line changes; "" if it changes none."""
    differences = configs.differences(base, settings)
    return next((f"--{key.replace('_', '-')}" for key in keys if key in differences), "")


def _refuse_no_branch(base, settings):
    """Raise ConfigError for what a branch cannot change, or must."""
    from dsjax.lineage import parent_seed

    if base.parent.best_of and (changed := _changed(base, settings, "members", "first_member")):
        raise ConfigError(f"{changed}: with --best-of there is a member for every group")
    if changed := _changed(base, settings, *FIRST_VALUES):
        raise ConfigError(f"{changed}: has no effect on a branch, whose members begin trained")
    if settings.seed == parent_seed(base.parent):  # what it would draw, its parent has drawn
        raise ConfigError(f"--seed {settings.seed}: is the parent's; a branch needs another one")
