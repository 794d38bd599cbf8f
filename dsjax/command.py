"""What the scripts' command lines share: config files with flags over them, and errors in one line."""

import sys
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated

import tyro

from dsjax import config as configs
from dsjax.config import Config, ConfigError
from dsjax.records import RunError
from dsjax.runs import load_config


@dataclass(frozen=True, kw_only=True)
class TrainCommand:
    """Train a population of dynamic-synapse controllers to walk."""

    config: Path | None = None
    """TOML file; what it does not say is as in its preset, and flags override it."""
    output: Path = Path()
    """Run folder; runs/CONFIG-seedN if not given."""
    resume: bool = False
    """Go on with the run in --output."""
    snapshot: int | None = None
    """Round of the snapshot to resume from; the latest if not given."""
    render: bool = False
    """Watch one member live, in a window."""
    render_member: int = 0
    """Which member to watch."""
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
    stored = load_config(Path(output)) if resume is not None and output else None
    overrides = {"preset": name} if (name := _peek(arguments, "--preset")) else {}
    if source:
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
    name = f"{Path(source).stem if source else settings.preset}-seed{settings.seed}"
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


def _refuse_changes(stored, settings, output):
    changed = {k: v for k, v in configs.differences(stored, settings).items() if not configs.may_change(k, *v)}
    if changed:
        listing = ", ".join(f"{key} ({old!r} there, {new!r} here)" for key, (old, new) in changed.items())
        raise ConfigError(f"{output} was started with another config: {listing}; leave these out, or start a new run")
