"""What the scripts' command lines share: config files with flags over them, and errors in one line."""

import sys
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated

import tyro

from dsjax import config as configs
from dsjax.config import Config, ConfigError
from dsjax.lineage import best_of, find_row
from dsjax.records import RunError
from dsjax.runs import load_config
from dsjax.sections import FIRST_VALUES

_ORIGINS = ("--from", "--branch", "--config", "--preset", "--resume")  # of a run's config: one at most
_PLACE = ("--point", "--member")


@dataclass(frozen=True, kw_only=True)
class TrainCommand:
    """Train a population of dynamic-synapse controllers to walk: a new one, one begun, or one member of another run."""

    config: Path | None = None
    """TOML file; what it does not say is as in its preset, and flags override it."""
    output: Path = Path()
    """Run folder; runs/CONFIG-seedN if not given."""
    resume: bool = False
    """Go on with the run in --output."""
    snapshot: int | None = None
    """Round of the snapshot to resume or to branch from; the latest if not given."""
    source: Annotated[str | None, tyro.conf.arg(name="from")] = None
    """Run or sweep, folder or URL, whose --member at --point to train once more, alone: the same trajectory."""
    branch: str | None = None
    """Run or sweep whose trained --member at --point all members begin as, on random streams of their own; or
    pretrained:NAME."""
    point: int = 0
    """Point of the sweep, for --from and --branch."""
    member: int = 0
    """Member, for --from and --branch."""
    best_of: int | None = None
    """For --branch, in place of --member: a run, whose members are taken in groups of so many in a row; each member
    of the branch begins as the best of a group, by its frozen centers in training. 1: all go on, each as it was."""
    render: bool = False
    """Watch one member live, in a window."""
    render_member: int = 0
    """Which member to watch."""
    tensorboard: bool = False
    """Mirror the figures of every round to RUN/tensorboard, for TensorBoard to show."""
    settings: Annotated[Config, tyro.conf.arg(name="")]
    """The run."""

    def watched(self) -> int | None:
        """Return the member to watch, or None."""
        return self.render_member if self.render else None


def parse_train(arguments: list[str]) -> TrainCommand:
    """Return the command of a train script's arguments.

    The defaults of all flags are the values of the TOML file, or of the run to resume, or of the preset.

    Raises:
      ConfigError: the resulting config cannot be run, or is not that of the run to resume.
      SystemExit: the flags cannot be parsed; the reason has been printed.
    """
    source, output, resume = (_peek(arguments, flag) for flag in ("--config", "--output", "--resume"))
    origin = next((flag for flag in ("--from", "--branch") if _peek(arguments, flag)), None)
    stored = load_config(Path(output)) if resume is not None and output else None
    overrides = {"preset": name} if (name := _peek(arguments, "--preset")) else {}
    if origin:
        base = _descended(arguments, origin)
    elif source:
        base = configs.load(Path(source), **overrides)
    else:
        base = stored or configs.build(overrides, "--preset" if overrides else "config")
    command = tyro.cli(TrainCommand, args=arguments, default=TrainCommand(settings=base))
    settings = configs.check(asdict(command.settings), "command line")
    if stored:
        _refuse_changes(stored, settings, output)
    if command.resume and not output:
        raise ConfigError("--resume needs the run's folder: --output runs/NAME")
    if not 0 <= command.render_member < settings.rows:
        raise ConfigError(f"--render-member {command.render_member}: members are 0 to {settings.rows - 1}")
    if command.best_of is not None and not command.branch:
        raise ConfigError(f"--best-of {command.best_of}: goes with --branch")
    if command.branch:
        _refuse_no_branch(base, settings)
    name = f"{Path(source).stem if source else settings.preset}-seed{settings.seed}"
    if origin:
        place = Path(_peek(arguments, origin)).name.replace(":", "-")
        what = f"best-of-{command.best_of}" if command.best_of else f"point{command.point}-member{command.member}"
        name = f"{place}-{origin[2:]}-{what}"
    values = vars(command) | {"settings": settings, "output": command.output if output else Path("runs") / name}
    return TrainCommand(**values)


@contextmanager
def errors_in_one_line():
    """Turn the errors a user can mend into one line on stderr and exit status 2; Ctrl-C ends without a traceback."""
    try:
        yield
    except KeyboardInterrupt:
        sys.exit(130)
    except (ConfigError, RunError) as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(2)


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


def _refuse_no_branch(base, settings):
    """Raise ConfigError for what a branch cannot change, or must."""
    differences = configs.differences(base, settings)
    if base.parent.best_of and (changed := [key for key in ("members", "first_member") if key in differences]):
        raise ConfigError(f"--{changed[0].replace('_', '-')}: with --best-of there is a member for every group")
    for key in differences:
        if key in FIRST_VALUES:
            raise ConfigError(f"--{key.replace('_', '-')}: has no effect on a branch, whose members begin trained")
    if settings.seed == base.seed - 1:  # what it would draw, its parent has drawn
        raise ConfigError(f"--seed {settings.seed}: is the parent's; a branch needs another one")


def _refuse_changes(stored, settings, output):
    changed = {k: v for k, v in configs.differences(stored, settings).items() if not configs.may_change(k, *v)}
    if changed:
        listing = ", ".join(f"{key} ({old!r} there, {new!r} here)" for key, (old, new) in changed.items())
        raise ConfigError(f"{output} was started with another config: {listing}; leave these out, or start a new run")
