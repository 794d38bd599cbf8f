"""`dsjax teach`: reward one walker by hand."""

from dataclasses import dataclass

import tyro

from dsjax.cli import entry

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
    command, rest = tyro.cli(TeachCommand, args=arguments, prog=program, return_unknown_args=True)

    # Imported here because --help needs none of it.
    from rich.console import Console

    from dsjax.cli.terminal import say
    from dsjax.cli.train import Origin, parse_train
    from dsjax.errors import ConfigError
    from dsjax.loopback import check_port
    from dsjax.teaching.replay import replay
    from dsjax.teaching.school import hold, taught_config
    from dsjax.training.runtime import prepare

    console = Console()
    check_port(command.port)
    first, _ = tyro.cli(Origin, args=rest, prog=program, return_unknown_args=True, add_help=False)
    if command.replay:
        if first.output is None or len(rest) > 2:
            raise ConfigError("--replay needs the run's folder, and nothing else: --output runs/NAME")
        prepare()
        steps = replay(first.output)
        say(console, f"{first.output}: {steps:,} steps computed again, the same to the bit")
        return
    starts = first.given("config", "source", "branch", "resume", "autoresume")
    train = parse_train(rest if starts else ["--config", "teach", *rest], program)
    refused = {
        "--from": train.source, "--render": train.render, "--tensorboard": train.tensorboard, "--wandb": train.wandb,
    }  # fmt: skip
    if flag := next((flag for flag, value in refused.items() if value), None):
        raise ConfigError(f"{flag}: does not go with teach")
    config = taught_config(train.settings)
    prepare(1, config.environment)
    folders = hold(config, train.folder, train.resume, command.port, command.browser, lambda text: say(console, text))
    for folder in folders:
        looks = [
            entry.next_command("evaluate", folder),
            entry.next_command("teach", "--output", folder, "--resume"),
            entry.next_command("teach", "--output", folder, "--replay"),
        ]
        say(console, f"{folder} is saved. Next:", *(f"  {look}" for look in looks))
