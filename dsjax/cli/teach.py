"""`dsjax teach`: reward one walker by hand."""

import asyncio
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import tyro

from dsjax.cli import entry
from dsjax.cli.train import Origin, TrainCommand, parse_train
from dsjax.config.shipped import configs_folder
from dsjax.errors import ConfigError
from dsjax.loopback import check_port

_PORT = 8711


@dataclass(frozen=True, kw_only=True)
class TeachCommand:
    """Reward and punish one walker by hand, in a page that shows its weights as they learn.

    All flags of `dsjax train` that say what is trained apply too, as --config, --output, --resume or --branch. The
    run is an ordinary one: evaluate, compare and film it like any other.
    """

    port: int = _PORT
    """To serve the page at, to this machine alone; 0 for any that is free."""
    browser: bool = True
    """Open the page in a browser."""
    replay: bool = False
    """Instead of teaching, compute the lesson in --output again from its record, and compare it bit for bit."""


def main(arguments: list[str], program: str | None = None) -> None:
    """Run the command."""
    command, run = parse_teach(arguments, program)

    # Imported here because --help needs none of it.
    from rich.console import Console

    from dsjax.cli.terminal import say
    from dsjax.storage.states import latest_round
    from dsjax.teaching.replay import replay, rounds_alone
    from dsjax.teaching.school import hold, taught_config
    from dsjax.training.runtime import prepare

    console = Console()
    if isinstance(run, Path):
        prepare()
        say(console, f"{run}: {replay(run):,} steps computed again, the same to the bit")
        return
    config = taught_config(run.settings)
    prepare(1, config.environment)
    lessons = hold(
        config, run.folder, run.resume, run.snapshot, command.port, command.browser, partial(say, console)
    )  # fmt: skip
    folders = asyncio.run(lessons)
    for folder in folders:
        looks = [
            entry.next_command("evaluate", folder),
            entry.next_command("teach", "--output", folder, "--resume"),
        ]
        if not rounds_alone(folder, latest_round(folder)):
            looks.append(entry.next_command("teach", "--output", folder, "--replay"))
        say(console, f"{folder} is saved. Next:", *(f"  {look}" for look in looks))


def parse_teach(arguments: list[str], program: str | None = None) -> tuple[TeachCommand, TrainCommand | Path]:
    """Return the command of `dsjax teach`'s arguments, and the training to teach, or the folder to compute again.

    Raises:
      ConfigError: they do not go together, or the config cannot be run.
      RunError: there is no run to resume or to start from.
      SystemExit: the flags cannot be parsed; the reason has been printed.
    """
    own, rest = tyro.cli(TeachCommand, args=arguments, prog=program, return_unknown_args=True)
    check_port(own.port)
    first, _ = tyro.cli(Origin, args=rest, prog=program, return_unknown_args=True, add_help=False)
    if own.replay:
        if first.output is None or rest not in (["--output", str(first.output)], [f"--output={first.output}"]):
            raise ConfigError("--replay needs the run's folder, and nothing else: --output runs/NAME")
        return own, first.output
    starts = first.given("config", "source", "branch") or first.stored
    train = parse_train(rest if starts else ["--config", str(configs_folder() / "teach.toml"), *rest], program)
    refused = {
        "--from": train.source, "--render": train.render, "--tensorboard": train.tensorboard, "--wandb": train.wandb,
    }  # fmt: skip
    if flag := next((flag for flag, value in refused.items() if value), None):
        raise ConfigError(f"{flag}: does not go with teach")
    return own, train
