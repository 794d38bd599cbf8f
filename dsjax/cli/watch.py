"""`dsjax watch`: watch a trained walker, in a window or as a GIF."""

import os
import sys
from pathlib import Path

import tyro


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
        output: The GIF; videos/NAME.gif if not given. A file that is there is replaced.
    """
    # Imported here because --help needs none of it.
    from itertools import count

    from rich.console import Console

    from dsjax.cli.terminal import say
    from dsjax.errors import RunError
    from dsjax.evaluation.controllers import load_controllers
    from dsjax.evaluation.score import play
    from dsjax.training.progress import task_progress
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
    if has_display() and not gif:
        say(console, "Close with Ctrl-C.")
        columns = play(loaded, [member], range(episodes), render=True)
        for terrain, total in zip(columns["terrain"], columns["return"], strict=True):
            say(console, f"terrain {terrain} of test-v1: return {total:.1f}")
        return
    from dsjax.video.films import film

    name = f"{loaded.name}-member{member}" if loaded.in_run() else loaded.name
    path, steps = output or Path("videos") / f"{name}.gif", count(1)
    with task_progress(Console(stderr=True), "filming") as check:
        [total] = film(loaded, [member], 0, [path], max_steps=max_steps, check=lambda: check(next(steps) / max_steps))
    say(
        console,
        f"{path}: the first {max_steps / 50:.0f} seconds on terrain 0 of test-v1, in which it earns {total:.1f}",
    )


def has_display() -> bool:
    """Return whether a window can be opened."""
    return sys.platform in ("darwin", "win32") or any(
        os.environ.get(name) for name in ("DISPLAY", "WAYLAND_DISPLAY", "SDL_VIDEODRIVER")
    )
