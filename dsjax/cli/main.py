"""The command `dsjax`; scripts/NAME.py of a clone is `dsjax NAME`."""

import difflib
import sys
from functools import partial
from importlib import import_module

from dsjax import __version__
from dsjax.cli import entry
from dsjax.errors import ConfigError

COMMANDS = {
    "demo": "See walkers learn, in three minutes.",
    "train": "Train a population, or resume a run.",
    "teach": "Reward one walker by hand, in a page that shows how it learns.",
    "sweep": "Train many configs with many seeds.",
    "evaluate": "Score trained members on held-out terrains.",
    "compare": "Compare runs, or the points of a sweep, in figures and tables.",
    "curve": "Show how a run's frozen centers developed.",
    "plot": "Plot one member's training.",
    "dynamics": "Look inside a trained member's network as it walks.",
    "watch": "Watch a trained walker, in a window or as a GIF.",
    "record": "Film trained members.",
    "report": "Report runs on one HTML page.",
    "export": "Write a trained member to a small file.",
    "benchmark": "Measure environment steps per second.",
}


def main(name: str | None = None) -> None:
    """Run a command with this process's arguments, and exit.

    Args:
      name: one of `COMMANDS`; the first argument says it if None.
    """
    entry.run(partial(run, sys.argv[1:], name))


def run(arguments: list[str], name: str | None = None) -> None:
    """Run a command.

    Args:
      arguments: without the program's name.
      name: one of `COMMANDS`; the first argument says it if None.

    Raises:
      ConfigError: there is no such command.
      SystemExit: the arguments cannot be parsed, or ask for help.
    """
    program = None
    if name is None:
        name, *arguments = arguments or ["--help"]
        program = f"dsjax {name}"
        if name in ("-h", "--help"):
            print(_usage())
            return
        if name == "--version":
            print(__version__)
            return
        if name not in COMMANDS:
            near = difflib.get_close_matches(name, COMMANDS, 1)
            remedy = f"did you mean {near[0]}?" if near else f"there are {', '.join(COMMANDS)}"
            raise ConfigError(f"{name}: there is no such command; {remedy}")
    import_module(f"dsjax.cli.{name}").main(arguments, program)


def _usage() -> str:
    lines = [f"  {name:<11}{about}" for name, about in COMMANDS.items()]
    return "\n".join(["usage: dsjax COMMAND ...", "", *lines, "", "dsjax COMMAND --help tells more; --version."])
