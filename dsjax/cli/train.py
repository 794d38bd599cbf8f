"""`dsjax train`: a config, a run to resume or a member to start from, with flags over it."""

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import tyro

from dsjax.analysis.formats import duration
from dsjax.cli import entry
from dsjax.config import loading
from dsjax.config.schema import FIRST_VALUES, Config
from dsjax.config.shipped import find_config
from dsjax.errors import ConfigError, Interrupted

if TYPE_CHECKING:
    from rich.console import Console

    from dsjax.training.callbacks import Callback
    from dsjax.training.trainer import Trainer


@dataclass(frozen=True, kw_only=True)
class Origin:
    """What a run starts from."""

    config: str | None = None
    """TOML file, or the name of a config that ships with dsjax, as solve; it states what differs from its preset, and
    flags override it."""
    output: Path | None = None
    """Run folder; runs/CONFIG-seedN if not given."""
    resume: bool = False
    """Continue the run in --output. --steps and --episodes are totals, not what to add."""
    autoresume: bool = False
    """Start the run in --output, or resume it if it was started: one command for a job that may be requeued."""
    snapshot: int | None = None
    """Round of the snapshot to resume or to branch from; the latest if not given. Resuming deletes what came after."""
    source: Annotated[str | None, tyro.conf.arg(name="from")] = None
    """Run or sweep, folder or URL, whose --member at --point to train once more, alone: the same trajectory."""
    branch: str | None = None
    """Run or sweep whose trained --member at --point all members start as, on random streams of their own; or
    pretrained:NAME."""
    point: int | None = None
    """Point of the sweep, for --from and --branch; 0 if not given."""
    member: int | None = None
    """Member, for --from and --branch; 0 if not given."""
    best_of: int | None = None
    """For --branch, in place of --member: a run, whose members are taken in groups of so many in a row; each member
    of the branch starts as the best of a group, by its frozen centers in training. 1: all continue, each as it was."""

    def given(self, *names: str) -> list[str]:
        """Return the flags of those of these fields that are set."""
        flags = {"source": "--from", "best_of": "--best-of"}
        return [flags.get(name, f"--{name}") for name in names if getattr(self, name) not in (None, False)]

    @property
    def stored(self) -> Path | None:
        """Folder of the run to resume; None if a new one is to be started.

        Raises:
          ConfigError: it is not given.
        """
        flags = self.given("resume", "autoresume")
        if flags and not self.output:
            raise ConfigError(f"{flags[0]} needs the run's folder: --output runs/NAME")
        there = self.resume or (self.autoresume and self.output and (self.output / "config.toml").exists())
        return self.output if there else None


@dataclass(frozen=True, kw_only=True)
class _Base(Origin):
    """What the defaults of all other flags follow from."""

    preset: str | None = None


@dataclass(frozen=True, kw_only=True)
class TrainCommand(Origin):
    """Train a population of dynamic-synapse controllers to walk; resume a run, or start from members of another one."""

    render: bool = False
    """Watch one member live, in a window."""
    render_member: int = 0
    """Which member to watch."""
    tensorboard: bool = False
    """Log the figures of every round to RUN/tensorboard, for TensorBoard to show."""
    wandb: bool = False
    """Log the config and the figures of every round to Weights & Biases; WANDB_MODE=offline keeps them in RUN/wandb."""
    settings: Annotated[Config, tyro.conf.arg(name="")]
    """The run."""

    @property
    def folder(self) -> Path:
        """The run's folder."""
        name = f"{Path(self.config).stem if self.config else self.settings.preset}-seed{self.settings.seed}"
        if place := self.source or self.branch:
            origin = "from" if self.source else "branch"
            what = f"point{self.point or 0}-member{self.member or 0}"
            what = f"best-of-{self.best_of}" if self.best_of else what
            name = f"{Path(place).stem.replace(':', '-')}-{origin}-{what}"
        return self.output or Path("runs") / name

    def loggers(self) -> "list[Callback]":
        """Return the callbacks that log the run elsewhere.

        Raises:
          RunError: what one of them needs is not installed, or not logged in.
        """
        from dsjax.training.tensorboard import TensorBoardLogger
        from dsjax.training.wandb_logger import WandbLogger

        wanted = ((self.tensorboard, TensorBoardLogger), (self.wandb, WandbLogger))
        return [logger(self.folder) for chosen, logger in wanted if chosen]

    def watched(self) -> int | None:
        """Return the member to watch, or None."""
        return self.render_member if self.render else None

    def again(self, *flags: object) -> str:
        """Return the line that continues this run, indented."""
        kept = [*["--tensorboard"] * self.tensorboard, *["--wandb"] * self.wandb]
        return "  " + entry.next_command("train", "--output", self.folder, "--resume", *kept, *flags)


def main(arguments: list[str], program: str | None = None) -> None:
    """Run the command."""
    command = parse_train(arguments, program)

    # Imported here because --help needs none of it.
    from rich.console import Console

    from dsjax.cli.tables import summary_table
    from dsjax.cli.terminal import say

    console = Console()
    trainer = train(command, console)
    if not trainer.trained:
        done = f"{command.folder} is finished: {trainer.limit()}. To train longer, N steps in all:"
        say(console, done, command.again("--steps", "N"))
        return
    status = trainer.status()
    console.print(summary_table(status))
    if status.evaluating:
        say(console, f"Evaluations took {status.evaluating / status.seconds:.0%} of {duration(status.seconds)}.")
    looks = ["  " + entry.next_command(name, command.folder) for name in ("evaluate", "compare", "report")]
    say(console, "Next:", *looks, command.again("--steps", "N") + "    # N steps in all")


def train(command: TrainCommand, console: "Console") -> "Trainer":
    """Start or resume a run, show its progress, and return its trainer.

    Raises:
      Interrupted: SIGINT or SIGTERM came; how to continue has been printed.
    """
    from dsjax.cli.terminal import say
    from dsjax.training.backend import settle_backend
    from dsjax.training.progress import ProgressDisplay
    from dsjax.training.runtime import prepare
    from dsjax.training.trainer import Trainer

    settings = settle_backend(command.settings, command.folder, command.resume, command.watched())
    prepare(settings.rows, settings.environment)
    displays = [ProgressDisplay(console), *command.loggers()]
    trainer = Trainer(settings, command.folder, displays, command.watched())
    try:
        trainer.run(command.resume, command.snapshot)
    except Interrupted as interrupted:
        saved = "nothing is saved yet" if trainer.saved is None else f"saved up to round {trainer.saved}"
        say(console, f"Stopped by {interrupted}; {saved}. To continue:", command.again())
        raise
    return trainer


def parse_train(arguments: list[str], program: str | None = None) -> TrainCommand:
    """Return the command of `dsjax train`'s arguments; with --autoresume, `resume` says whether there is a run.

    The defaults of all flags are the values of the TOML file, or of the run to resume, or of the preset: so the flags
    that say where these are get parsed first.

    Raises:
      ConfigError: the resulting config cannot be run, or is not that of the run to resume.
      RunError: there is no run to resume or to start from.
      SystemExit: the flags cannot be parsed; the reason has been printed.
    """
    first, _ = tyro.cli(_Base, args=arguments, prog=program, return_unknown_args=True, add_help=False)
    stored = _stored(first)
    base = _base(first, stored)
    command = tyro.cli(TrainCommand, args=arguments, prog=program, default=TrainCommand(settings=base))
    settings = loading.check(asdict(command.settings), "command line")
    _refuse_alone(command)
    if stored:
        loading.changes(stored, settings, command.folder)
    if not 0 <= command.render_member < settings.rows:
        raise ConfigError(f"--render-member {command.render_member}: members are 0 to {settings.rows - 1}")
    if command.branch and not stored:
        _refuse_no_branch(base, settings)
    if command.source and (changed := _changed(base, settings, "members", "first_member")):
        raise ConfigError(f"{changed}: --from trains one member, alone; to train more from it, use --branch")
    values = {"settings": settings, "output": command.folder, "resume": command.resume or stored is not None}
    return TrainCommand(**vars(command) | values)


def _stored(first: Origin) -> Config | None:
    """Return the config of the run to resume, if there is one to resume."""
    if first.stored is None:
        return None
    from dsjax.storage.run import read_run_config

    return read_run_config(first.stored)


def _base(first: _Base, stored: Config | None) -> Config:
    """Return the config that flags change."""
    overrides = {"preset": first.preset} if first.preset else {}
    if (first.source or first.branch) and not (stored and first.autoresume):
        return _descended(first)
    if first.config:
        return loading.read_config(find_config(first.config), **overrides)
    return stored or loading.build(overrides, "--preset" if overrides else "config")


def _descended(first: _Base) -> Config:
    """Return the config of --from or --branch, before other flags."""
    from dsjax.cli.branch import best_of, find_row

    if len(origins := first.given("source", "branch", "config", "preset", "resume")) > 1:
        raise ConfigError(f"{origins[0]} and {origins[1]} each say what to start from; leave one out")
    if first.branch and first.best_of is not None:
        if first.given("point", "member"):
            raise ConfigError("--best-of and --member each say what to start from; leave one out")
        return best_of(first.branch, first.best_of, first.snapshot)
    row = find_row(first.source or first.branch or "", first.point or 0, first.member or 0)
    return row.config() if first.source else row.branch(first.snapshot)


def _refuse_alone(command: TrainCommand) -> None:
    """Raise ConfigError for a flag that has no effect without another one."""
    starts = bool(command.source or command.branch)
    for flag, value, fits, needed in (
        ("--best-of", command.best_of, bool(command.branch), "--branch"),
        ("--point", command.point, starts, "--from or --branch"),
        ("--member", command.member, starts, "--from or --branch"),
        ("--snapshot", command.snapshot, command.resume or bool(command.branch), "--resume or --branch"),
    ):
        if value is not None and not fits:
            raise ConfigError(f"{flag} {value}: goes with {needed}")


def _changed(base: Config, settings: Config, *keys: str) -> str:
    """Return the flag of the first of these keys that the command line changes; "" if it changes none."""
    differences = loading.differences(base, settings)
    return next((f"--{key.replace('_', '-')}" for key in keys if key in differences), "")


def _refuse_no_branch(base: Config, settings: Config) -> None:
    """Raise ConfigError for what a branch cannot change, or must."""
    from dsjax.cli.branch import parent_seed

    if base.parent.best_of and (changed := _changed(base, settings, "members", "first_member")):
        raise ConfigError(f"{changed}: with --best-of there is a member for every group")
    if changed := _changed(base, settings, *FIRST_VALUES):
        raise ConfigError(f"{changed}: has no effect on a branch, whose members start trained")
    if settings.seed == parent_seed(base.parent):  # what it would draw, its parent has drawn
        raise ConfigError(f"--seed {settings.seed}: is the parent's; a branch needs another one")
