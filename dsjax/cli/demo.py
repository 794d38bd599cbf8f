"""`dsjax demo`: train a few walkers for some minutes, and show what they learned."""

from datetime import datetime
from pathlib import Path

import tyro

from dsjax.cli import entry

_MINUTES = "three minutes"  # on 2 cores, with EnvPool; also in Makefile, README and docs
_FILM_STEPS = 400  # eight seconds
_INTRODUCTION = f"""\
Four walkers learn to walk. It takes about {_MINUTES} on 2 cores.

Each has {{synapses}} synapses whose weights oscillate. A reward moves the center of an
oscillation towards the weights that paid off. No gradients are computed.
Untrained walkers fall or stand still: a return of about -100. Expect falls to become rare
and returns to rise; a walker that reaches the end earns some 300, after hours.

At the end: what has changed, a figure, a film and the next commands.
The run is in {{folder}}.
"""


def main(arguments: list[str], program: str | None = None) -> None:
    """Run the command."""
    tyro.cli(demo, args=arguments, prog=program)


def demo(steps: int | None = None, output: Path | None = None) -> None:
    """Train four walkers for some minutes, and show what they learned: numbers, a figure, a film.

    Args:
        steps: Environment steps of each walker; 180,000 if not given, which is what the minutes are for.
        output: Run folder; runs/demo-DATE-TIME if not given.
    """
    # Imported here because --help needs none of it.
    import numpy as np
    from rich.console import Console

    from dsjax.analysis.comparison import compare
    from dsjax.cli.tables import change_table
    from dsjax.cli.terminal import say
    from dsjax.cli.train import parse_train, train
    from dsjax.controller import SYNAPSES
    from dsjax.plotting import style
    from dsjax.plotting.curves import frozen_curves
    from dsjax.training.progress import counted, task_progress
    from dsjax.video.films import film_beside_untrained

    folder = output or Path("runs") / f"demo-{datetime.now():%Y%m%d-%H%M%S}"
    console = Console()
    shorter = [] if steps is None else ["--steps", str(steps)]
    command = parse_train(["--config", "demo", "--output", str(folder), *shorter])
    say(console, _INTRODUCTION.format(folder=folder, synapses=SYNAPSES))
    trainer = train(command, console)
    console.print(change_table(folder))
    best = int(np.nanargmax(trainer.stats.frozen_return))
    figure, *_ = style.save(frozen_curves(compare([folder])), folder / "figures", "frozen-steps")
    film = folder / "videos" / f"member{best}-untrained-and-trained.gif"
    with task_progress(console, "filming") as check:
        film_beside_untrained(folder, best, film, _FILM_STEPS, counted(check, _FILM_STEPS))
    say(console, f"Figure  {figure}", f"Film    {film}    # member {best}, untrained and trained", "", "Next:")
    for name, arguments, what in (
        ("report", (folder,), "all of it on one HTML page"),
        ("record", (folder, "--member", best), "a whole episode of this walker"),
        ("train", ("--output", folder, "--resume", "--steps", 2 * trainer.config.steps), "train on, as long again"),
        ("watch", ("pretrained:ambler",), "a walker that solves the task"),
        ("train", ("--config", "solve", "--members", 4), "such a training: hours"),
    ):
        say(console, f"  {entry.next_command(name, *arguments)}", f"      # {what}")
