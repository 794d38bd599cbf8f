"""Films of trained controllers: their episodes as `evaluation` plays them, chosen by return.

All episodes are played first, without pictures, which is far faster; those to keep are then played again, to the same
return, before a recorder.
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

import jax
import numpy as np
from gymnasium.vector import SyncVectorEnv
from rich.console import Console

from dsjax import population
from dsjax.analysis.formats import count
from dsjax.controller import ControllerParams, ControllerSpec
from dsjax.envs import bipedal
from dsjax.envs.task import TerrainSet, Weights
from dsjax.errors import RunError
from dsjax.evaluation.controllers import Controllers, load_controllers
from dsjax.evaluation.evaluate import evaluate
from dsjax.evaluation.score import play
from dsjax.population import PopulationState
from dsjax.storage.atomic import write_whole
from dsjax.training.progress import counted, task_progress
from dsjax.video import recorder
from dsjax.video.recorder import Recorder
from dsjax.video.tiles import Tiles, grid

TERRAINS: TerrainSet = "test-v1"  # the set of terrains to film on: nothing was selected on it
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

    controllers: Controllers  # that played

    def best(self) -> str:
        """Return what to say of the best episode."""
        best = self.episodes[0]
        which = f"{self.controllers.called(best.member)} on terrain {best.terrain} of {TERRAINS}"
        return f"the best of {len(self.episodes)} returned {best.total:.1f}: {which}"


class _Shot(NamedTuple):
    """How to film."""

    controllers: Controllers
    weights: Weights
    fps: int
    max_steps: int | None


def film_run(
    run: Path, members: Sequence[int] = (), episodes: int = 1, min_return: float = -math.inf, grid: bool = False,
    snapshot: str = "latest", weights: Weights = "centers", formats: Sequence[str] = ("mp4",), fps: int = 25,
    max_steps: int | None = None, output: Path = Path("videos"), console: Console | None = None,
) -> Filmed:  # fmt: skip
    """Play episodes of a run's members, and film those that reach a return.

    A file that is there already is kept as it is, so that interrupted filming can be continued.

    Args:
      run: run folder; or "pretrained:NAME", or a controller's file.
      members: which members; all that were not stopped if empty.
      episodes: to play per member, on the first terrains of the set `TERRAINS`.
      min_return: film only episodes that reach it.
      grid: one film per terrain, with all of its episodes side by side.
      snapshot: "latest", "best" or a round.
      weights: what acts; neither learns.
      formats: of the files, "mp4" or "gif".
      fps: pictures per second of a walker's time, a divisor of 50.
      max_steps: environment steps to end films after; None is at the end of the episodes.
      output: folder of the films.
      console: where to show progress; None is standard output.

    Raises:
      RunError: there is no such run, snapshot or member, or a film cannot be written.
    """
    for flag, value in (("--episodes", episodes), ("--max-steps", max_steps)):
        if value is not None and value < 1:
            raise RunError(f"{flag} {value}: at least 1 is needed")
    recorder.find_ffmpeg()  # before all episodes are played
    loaded = load_controllers(run, snapshot)
    chosen = loaded.members(members)
    console = console or Console()
    with task_progress(console, f"playing {count(len(chosen) * episodes, 'episode')}") as check:
        columns = play(loaded, chosen, range(episodes), weights, TERRAINS, check=check)
    rows = zip(*(columns[name] for name in ("return", "member", "terrain", "length")), strict=True)
    played = sorted((Episode(*row) for row in rows), reverse=True)
    scenes = _scenes([episode for episode in played if episode.total >= min_return], grid)
    shot = _Shot(loaded, weights, fps, max_steps)
    with task_progress(console, f"filming {count(len(scenes), 'film')}") as check:
        return Filmed(played, *_film_scenes(scenes, shot, output, formats, check), loaded)


def _film_scenes(
    scenes: list[list[Episode]], shot: _Shot, output: Path, formats: Sequence[str], check: Callable[[float], None]
) -> tuple[list[Path], list[Path]]:
    """Film scenes; return the paths of all films, and of those that were there before."""
    lengths = [max(episode.length for episode in scene) for scene in scenes]
    steps = [min(length, shot.max_steps or length) for length in lengths]
    paths, kept = [], []
    for number, scene in enumerate(scenes):
        there = [output / f"{_name(scene, shot)}.{kind}" for kind in formats]
        missing = [path for path in there if not path.exists()]
        if missing:
            _film_scene(scene, shot, missing, counted(check, sum(steps), sum(steps[:number])))
        paths += there
        kept += [path for path in there if path not in missing]
    return paths, kept


def _scenes(episodes: list[Episode], side_by_side: bool) -> list[list[Episode]]:
    """Return the lists of episodes that share a film, best first: those of one terrain by member, or each alone."""
    if not side_by_side:
        return [[episode] for episode in episodes]
    terrains = dict.fromkeys(episode.terrain for episode in episodes)
    return [sorted((e for e in episodes if e.terrain == t), key=lambda e: e.member) for t in terrains]


def _name(scene: list[Episode], shot: _Shot) -> str:
    """Return what to call a film: its best return first, so that the names of good films sort by it."""
    parts = [f"return{max(scene).total:+06.1f}", shot.controllers.name]
    if shot.controllers.in_run():
        members = "+".join(_spans([episode.member for episode in scene]))
        parts += [f"round{shot.controllers.round}", f"member{members}"]
    parts += [f"terrain{scene[0].terrain:03d}"]
    parts += ["oscillating"] * (shot.weights == "oscillating")
    parts += [f"{shot.max_steps}steps"] * (shot.max_steps is not None)
    return "-".join(parts)


def _spans(numbers: Sequence[int]) -> list[str]:
    """Return ascending numbers as texts, with those that follow on each other joined: 0to3, 7."""
    spans = [[n for _, n in span] for _, span in groupby(enumerate(numbers), lambda pair: pair[1] - pair[0])]
    return [f"{span[0]}to{span[-1]}" if len(span) > 1 else f"{span[0]}" for span in spans]


def _film_scene(scene: list[Episode], shot: _Shot, paths: Sequence[Path], check: Callable[[], None]) -> None:
    members, terrain = [episode.member for episode in scene], scene[0].terrain
    returns = film(shot.controllers, members, terrain, paths, shot.weights, shot.fps, shot.max_steps, check)
    for episode, total in zip(scene, returns, strict=True):
        if total != episode.total and episode.length <= (shot.max_steps or math.inf):
            raise RunError(f"member {episode.member} returned {total} when filmed, but {episode.total} before")


def film(
    trained: Controllers, members: Sequence[int], terrain: int, paths: Sequence[Path], weights: Weights = "centers",
    fps: int = 25, max_steps: int | None = None, check: Callable[[], None] = lambda: None,
    gif_width: int = recorder.GIF_WIDTH,
) -> np.ndarray:  # fmt: skip
    """Film members side by side on one terrain, and write the film to every path, in the format of its name.

    Args:
      trained: the controllers.
      members: which of them, (M,).
      terrain: index in the set `TERRAINS`.
      paths: files that end in .mp4 or .gif, in one folder, which is made. Each is written whole or not at all.
      weights: one of envs.task.Weights.
      fps: pictures per second of a walker's time, a divisor of 50.
      max_steps: environment steps to end the film after; None is at the end of the last episode.
      check: called once a step.
      gif_width: [pixel] of a GIF, at most.

    Returns:
      What each member had earned when the film ended, (M,).

    Raises:
      RunError: the files cannot be written.
    """
    return _film(_cast(trained, members), terrain, paths, weights, fps, max_steps, check, gif_width)


def film_beside_untrained(
    run: Path, member: int, path: Path, max_steps: int | None = None, check: Callable[[], None] = lambda: None
) -> np.ndarray:
    """Film the frozen centers of a run's member beside those that it started with, on the first terrain of `TERRAINS`.

    Args:
      run: run folder.
      member: which member.
      path: of the film, that ends in .mp4 or .gif.
      max_steps: environment steps to end the film after; None is at the end of the last episode.
      check: called once a step.

    Returns:
      What the untrained and the trained controller had earned when the film ended, (2,).

    Raises:
      RunError: there is no such run or member, its first snapshot is gone, or the film cannot be written.
    """
    before = _cast(load_controllers(run, "0"), [member], "untrained")
    after = _cast(load_controllers(run), [member], "trained")
    cast = after._replace(
        state=population.join([before.state._replace(tick=after.state.tick), after.state]),
        params=jax.tree.map(lambda *leaves: np.concatenate(leaves), before.params, after.params),
        labels=[*before.labels, *after.labels],
    )
    return _film(cast, 0, [path], "centers", 25, max_steps, check)


class _Cast(NamedTuple):
    """Who is filmed: M controllers of one structure."""

    environment: str
    spec: ControllerSpec
    state: PopulationState
    params: ControllerParams
    labels: list[str]


def _cast(trained: Controllers, members: Sequence[int], label: str = "") -> _Cast:
    config, rows = trained.config, np.asarray(members)
    several = len(members) > 1
    labels = [label or (f"member {member}" if several else trained.called(member)) for member in members]
    params = jax.tree.map(lambda leaf: leaf[rows], trained.params())
    return _Cast(config.environment.id, config.spec(), population.select(trained.state, rows), params, labels)


def _film(
    cast: _Cast, terrain: int, paths: Sequence[Path], weights: Weights, fps: int, max_steps: int | None,
    check: Callable[[], None], gif_width: int = recorder.GIF_WIDTH,
) -> np.ndarray:  # fmt: skip
    """Write the film to every path; return what each walker had earned when it ended, (M,)."""
    folder = paths[0].parent
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".filming-", dir=folder) as temporary:
            shot = Path(temporary) / "film.mp4"
            returns = _shoot(cast, terrain, shot, weights, fps, max_steps or math.inf, check)
            for path in paths:
                make = partial(recorder.to_gif, fps=fps, width=gif_width) if path.suffix == ".gif" else shutil.copyfile
                write_whole(path, partial(make, shot))
    except OSError as error:
        raise RunError(f"{folder}: cannot write films there: {error.strerror or error}") from error
    return returns


class _Cut(Exception):
    """The film is long enough."""


def _shoot(
    cast: _Cast, terrain: int, path: Path, weights: Weights, fps: int, max_steps: float, check: Callable[[], None]
) -> np.ndarray:
    """Write an MP4; return what each walker earned, (M,)."""
    shape = grid(len(cast.labels))
    envs = [partial(bipedal.make, cast.environment, "rgb_array")] * math.prod(shape)
    where = f"terrain {terrain}" if len(cast.labels) > 1 else f"{TERRAINS} terrain {terrain}"
    tiles = Tiles(SyncVectorEnv(envs, copy=False), [f"{label} · {where}" for label in cast.labels])
    filming = Recorder(tiles, path, shape, fps)

    def each_step(done: float) -> None:
        if filming.steps == max_steps:
            raise _Cut
        check()

    try:
        evaluate(
            filming, cast.state, cast.spec, cast.params, range(len(cast.labels)), range(terrain, terrain + 1), weights,
            TERRAINS, each_step,
        )  # fmt: skip
        for _ in range(_LAST_STEPS):
            filming.step(np.zeros(filming.action_space.shape, np.float32))
    except _Cut:
        pass
    finally:
        filming.close()
    return tiles.returns[: len(cast.labels)]
