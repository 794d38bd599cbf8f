"""`dsjax record`: film trained members.

The exit status is 1 if no episode reached the return, so that there is no film.
"""

import math
import sys
from pathlib import Path
from typing import Annotated, Literal

import tyro

from dsjax.envs.task import Weights


def main(arguments: list[str], program: str | None = None) -> None:
    """Run the command."""
    tyro.cli(record, args=arguments, prog=program)


def record(
    run: tyro.conf.Positional[Path],
    members: Annotated[tuple[int, ...], tyro.conf.arg(aliases=["--member"])] = (),
    episodes: int = 1,
    min_return: float = -math.inf,
    grid: bool = False,
    snapshot: str = "latest",
    weights: Weights = "centers",
    formats: tuple[Literal["mp4", "gif"], ...] = ("mp4",),
    fps: Literal[50, 25, 10] = 25,
    max_steps: int | None = None,
    output: Path = Path("videos"),
) -> None:
    """Film episodes of a run's members on held-out terrains: one film each, or side by side with --grid.

    Args:
        run: Run folder, of a run that may be training; or pretrained:NAME, a controller that ships with dsjax; or a
            file that `dsjax export` wrote.
        members: Which members; all that were not stopped if not given.
        episodes: Episodes to play per member, on the first terrains of the set test-v1.
        min_return: Film only episodes that reach this return.
        grid: One film per terrain, with all of its episodes side by side.
        snapshot: Which snapshot: latest, best (highest median of the frozen centers in training), or a round.
        weights: Act with the frozen centers, or with the weights oscillating around them; neither learns.
        formats: Kinds of files to write; GIFs are smaller pictures, and fewer.
        fps: Pictures per second of a walker's time, at whose pace films are shown; fewer are filmed sooner.
        max_steps: End films after so many environment steps, 50 of which are a second; at the end of the episodes if
            not given.
        output: Folder of the films.
    """
    # Imported here because --help needs none of it.
    from rich.console import Console

    from dsjax.cli.terminal import say
    from dsjax.training.runtime import prepare
    from dsjax.video.films import film_run

    prepare()
    console = Console()
    filmed = film_run(
        run, members, episodes, min_return, grid, snapshot, weights, formats, fps, max_steps, output, console
    )
    for path in filmed.paths:
        say(console, f"{path}{' (was there already)' if path in filmed.kept else ''}")
    if not filmed.paths:
        say(console, f"No episode reached a return of {min_return:g}; {filmed.best()}")
        sys.exit(1)
