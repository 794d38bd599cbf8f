"""Films of trained controllers: their episodes as `evaluation` plays them, chosen by return.

All episodes are played first, without pictures, which is far faster; those to keep are then played again, to the same
return, before gymnasium's `RecordVideo`.
"""

import math
import shutil
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import groupby
from pathlib import Path
from typing import NamedTuple

import numpy as np
from gymnasium.vector import SyncVectorEnv
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from dsjax import camera, walker
from dsjax.camera import Camera
from dsjax.commands import FilmCommand
from dsjax.errors import RunError
from dsjax.evaluation import evaluate
from dsjax.records import write_whole
from dsjax.scoring import play
from dsjax.tiles import Tiles, grid
from dsjax.trained import Trained, load

TERRAINS = "test-v1"  # the set of terrains to film on: nothing was selected on it
_LAST_STEPS = 50  # for which a film dwells on its end


class Episode(NamedTuple):
    """An episode that was played; they sort by return."""

    total: float  # its return
    member: int
    terrain: int  # index in the set
    length: int  # environment steps


@dataclass(frozen=True)
class Filmed:
    """What was played, and the films of it."""

    episodes: list[Episode]  # all that were played, best first
    paths: list[Path]  # of the films; empty if no episode reached the return
    kept: list[Path]  # those of them that were there before, and are as they were

    def best(self) -> str:
        """Return what to say of the best episode."""
        best = self.episodes[0]
        which = f"member {best.member} on terrain {best.terrain} of {TERRAINS}"
        return f"the best of {len(self.episodes)} returned {best.total:.1f}: {which}"


def film_run(command: FilmCommand, console: Console | None = None) -> Filmed:
    """Play the episodes, and film those that reach the return.

    A file that is there already is kept as it is, so that filming which was interrupted can be gone on with.

    Args:
      command: what to film.
      console: where to show progress; None is standard output.

    Raises:
      RunError: there is no such run, snapshot or member, or a film cannot be written.
    """
    for flag, value in (("--episodes", command.episodes), ("--max-steps", command.max_steps)):
        if value is not None and value < 1:
            raise RunError(f"{flag} {value}: at least 1 is needed")
    camera.find_ffmpeg()  # before all episodes are played
    trained = load(command.run, command.snapshot)
    members = trained.members(command.members)
    bar = TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn(), TextColumn("left"), TimeRemainingColumn()
    with Progress(*bar, console=console) as progress:
        task = progress.add_task(f"playing episodes: {len(members) * command.episodes}", total=None)
        columns = play(trained, members, range(command.episodes), command.weights, TERRAINS)
        progress.update(task, total=1, completed=1)
        rows = zip(*(columns[name] for name in ("return", "member", "terrain", "length")), strict=True)
        episodes = sorted((Episode(*row) for row in rows), reverse=True)
        return Filmed(episodes, *_film_chosen(trained, episodes, command, progress))


def _film_chosen(trained, episodes, command, progress):
    """Film the episodes that reach the return; return the paths of all films, and of those that were there before."""
    chosen = [episode for episode in episodes if episode.total >= command.min_return]
    scenes = _scenes(chosen, command.grid)
    steps = [min(max(e.length for e in scene), command.max_steps or math.inf) for scene in scenes]
    task = progress.add_task("filming", total=sum(steps), visible=bool(scenes))
    paths, kept = [], []
    for number, scene in enumerate(scenes):
        progress.update(task, description=f"filming {number + 1} of {len(scenes)}", completed=sum(steps[:number]))
        there = [command.output / f"{_name(trained, scene, command)}.{kind}" for kind in command.formats]
        missing = [path for path in there if not path.exists()]
        if missing:
            _film_scene(trained, scene, command, missing, partial(progress.advance, task))
        paths += there
        kept += [path for path in there if path not in missing]
    return paths, kept


def _scenes(episodes, side_by_side):
    """Return the lists of episodes that share a film, best first: those of one terrain by member, or each alone."""
    if not side_by_side:
        return [[episode] for episode in episodes]
    terrains = dict.fromkeys(episode.terrain for episode in episodes)
    return [sorted((e for e in episodes if e.terrain == t), key=lambda e: e.member) for t in terrains]


def _name(trained, scene, command):
    """Return what to call a film: its best return first, so that the names of good films sort by it."""
    parts = [
        f"return{max(scene).total:+06.1f}", trained.name, f"round{trained.round}",
        "member" + "+".join(_spans([episode.member for episode in scene])), f"terrain{scene[0].terrain:03d}",
    ]  # fmt: skip
    parts += ["oscillating"] * (command.weights == "oscillating")
    parts += [f"{command.max_steps}steps"] * (command.max_steps is not None)
    return "-".join(parts)


def _spans(numbers):
    """Return ascending numbers as texts, with those that follow on each other joined: 0to3, 7."""
    spans = [[n for _, n in span] for _, span in groupby(enumerate(numbers), lambda pair: pair[1] - pair[0])]
    return [f"{span[0]}to{span[-1]}" if len(span) > 1 else f"{span[0]}" for span in spans]


def _film_scene(trained, scene, command, paths, check):
    members, terrain = [episode.member for episode in scene], scene[0].terrain
    returns = film(trained, members, terrain, paths, command.weights, command.fps, command.max_steps, check)
    for episode, total in zip(scene, returns, strict=True):
        if total != episode.total and episode.length <= (command.max_steps or math.inf):
            raise RunError(f"member {episode.member} returned {total} when filmed, but {episode.total} before")


def film(
    trained: Trained, members: Sequence[int], terrain: int, paths: Sequence[Path], weights: str = "centers",
    fps: int = 25, max_steps: int | None = None, check: Callable[[], None] = lambda: None,
) -> np.ndarray:  # fmt: skip
    """Film members side by side on one terrain, and write the film to every path, in the format of its name.

    Args:
      trained: the controllers.
      members: which of them, (M,).
      terrain: index in the set `TERRAINS`.
      paths: files that end in .mp4 or .gif, in one folder, which is made. Each is written whole or not at all.
      weights: one of evaluation.WEIGHTS.
      fps: pictures per second of a walker's time, a divisor of 50.
      max_steps: environment steps to end the film after; None is at the end of the last episode.
      check: called once a step.

    Returns:
      What each member had earned when the film ended, (M,).

    Raises:
      RunError: the files cannot be written.
    """
    folder = paths[0].parent
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".filming-", dir=folder) as temporary:
            shot = Path(temporary) / "film.mp4"
            returns = _shoot(trained, members, terrain, shot, weights, fps, max_steps or math.inf, check)
            for path in paths:
                make = partial(camera.to_gif, fps=fps) if path.suffix == ".gif" else shutil.copyfile
                write_whole(path, partial(make, shot))
    except OSError as error:
        raise RunError(f"{folder}: cannot write films there: {error.strerror or error}") from error
    return returns


class _Cut(Exception):
    """The film is long enough."""


def _shoot(trained, members, terrain, path, weights, fps, max_steps, check):
    """Write an MP4; return what each member earned, (M,)."""
    config, shape = trained.config, grid(len(members))
    envs = [partial(walker.make, config.environment.id, "rgb_array")] * math.prod(shape)
    tiles = Tiles(SyncVectorEnv(envs, copy=False), [f"seed {config.seed}  member {member}" for member in members])
    recorder = Camera(tiles, path, shape, fps)

    def each_step():
        if recorder.steps == max_steps:
            raise _Cut
        check()

    try:
        evaluate(
            recorder, trained.state, config.spec(), trained.params(), members, range(terrain, terrain + 1), weights,
            TERRAINS, each_step,
        )  # fmt: skip
        for _ in range(_LAST_STEPS):
            recorder.step(np.zeros(recorder.action_space.shape, np.float32))
    except _Cut:
        pass
    finally:
        recorder.close()
    return tiles.returns[: len(members)]
