"""`dsjax watch`: watch a trained walker, in a window or as a GIF."""

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import tyro

if TYPE_CHECKING:
    from rich.console import Console

    from dsjax.evaluation.controllers import Controllers

# How long a GIF takes on one core: to compile, and then to film.
_START = 3  # [s]
_STEPS_PER_SECOND = 80


def main(arguments: list[str], program: str | None = None) -> None:
    """Run the command."""
    tyro.cli(watch, args=arguments, prog=program)


def watch(
    run: tyro.conf.Positional[Path],
    member: int = 0,
    episodes: int = 1,
    snapshot: str = "latest",
    gif: bool = False,
    max_steps: int = 250,
    output: Path | None = None,
) -> None:
    """Watch the frozen centers of a trained walker: in a window, or as a GIF where there is no display.

    Args:
        run: Run folder, of a run that may be training; or pretrained:NAME, a controller that ships with dsjax; or a
            file that `dsjax export` wrote.
        member: Which member.
        episodes: Episodes to show in the window, on the first terrains of the set test-v1.
        snapshot: Which snapshot: latest, best (highest median of the frozen centers in training), or a round.
        gif: Write a GIF although there is a display.
        max_steps: Environment steps of the GIF, 50 of which are a second; it shows the first terrain.
        output: Write a GIF to this file; videos/NAME.gif if not given. A file that is there is replaced.
    """
    # Imported here because --help needs none of it.
    from rich.console import Console

    from dsjax.cli.terminal import note, say
    from dsjax.errors import RunError
    from dsjax.evaluation.controllers import load_controllers
    from dsjax.training.runtime import prepare

    if min(episodes, max_steps) < 1:
        raise RunError("--episodes and --max-steps: at least 1 is needed")
    if output and output.suffix != ".gif":
        raise RunError(f"--output {output}: must end in .gif")
    prepare()
    console = Console()
    loaded = load_controllers(run, snapshot)
    [member] = loaded.members([member])
    say(console, loaded.about(member))
    if has_display() and not (gif or output):
        try:
            _show(console, loaded, member, episodes)
            return
        except RunError as error:
            note(console, f"{error}; a GIF shows the walker instead")
    name = f"{loaded.name}-member{member}" if loaded.in_run() else loaded.name
    _film(console, loaded, member, max_steps, output or Path("videos") / f"{name}.gif")


def _show(console: "Console", loaded: "Controllers", member: int, episodes: int) -> None:
    """Show episodes in a window, and print their returns."""
    from dsjax.analysis.formats import count
    from dsjax.cli.terminal import say
    from dsjax.video import window

    say(console, f"{count(episodes, 'episode')} in a window; close it, or press Ctrl-C, to end.")
    if columns := window.show(loaded, member, episodes):
        for terrain, total in zip(columns["terrain"], columns["return"], strict=True):
            say(console, f"terrain {terrain} of test-v1: return {total:.1f}")


def _film(console: "Console", loaded: "Controllers", member: int, max_steps: int, path: Path) -> None:
    """Write a GIF, and print how long that takes and what it shows."""
    from rich.console import Console

    from dsjax.cli.terminal import say
    from dsjax.training.progress import task_progress
    from dsjax.video.films import film

    steps = 0
    say(console, f"Filming {max_steps} steps to {path}: about {_START + max_steps / _STEPS_PER_SECOND:.0f} seconds")
    with task_progress(Console(stderr=True), "filming") as check:

        def each_step() -> None:
            nonlocal steps
            steps += 1
            check(steps / max_steps)

        [total] = film(loaded, [member], 0, [path], max_steps=max_steps, check=each_step)
    say(console, f"{path}: terrain 0 of test-v1, return {total:.1f} after {steps} steps ({steps / 50:.1f} s)")


def has_display() -> bool:
    """Return whether a window can be opened."""
    return sys.platform in ("darwin", "win32") or any(
        os.environ.get(name) for name in ("DISPLAY", "WAYLAND_DISPLAY", "SDL_VIDEODRIVER")
    )
