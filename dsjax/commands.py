"""The command lines of the scripts but for training's, which `command` has: what can be asked for, and nothing done.

They load nothing but their parser, so that `--help` answers at once.
"""

import math
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated, Literal

import tyro

Mode = Literal["learning", "oscillating", "centers"]  # of a recorded episode
Weights = Literal["centers", "oscillating"]


@dataclass(frozen=True, kw_only=True)
class ScoreCommand:
    """Score the members of a run on held-out terrains, always with gymnasium's own physics."""

    run: tyro.conf.Positional[Path]
    """Run folder; or pretrained:NAME, a controller that ships with dsjax; or a file that export.py wrote."""
    episodes: int = 100
    """Terrains per member: the first ones of the set."""
    members: tuple[int, ...] = ()
    """Which members; all that were not stopped if not given."""
    snapshot: str = "latest"
    """Which snapshot: latest, best (highest median of the frozen centers in training), or a round."""
    weights: Weights = "centers"
    """Act with the frozen centers, or with the weights oscillating around them; neither learns."""
    terrains: Literal["test-v1", "validation-v1"] = "test-v1"
    """Terrain set: test for reporting, validation is what training selects on."""
    backend: Literal["auto", "async", "sync"] = "auto"
    """Where walkers step; the result is the same."""
    render: bool = False
    """Watch the first member alone in a window, one terrain after the other."""
    output: Path | None = None
    """Parquet file for the episodes; if not given, those of a run are added to what RUN/scores holds."""
    force: bool = False
    """Replace episodes that are stored with another result, and a file that is there."""


@dataclass(frozen=True, kw_only=True)
class FilmCommand:
    """Film episodes of a run's members on held-out terrains: one film each, or side by side with --grid."""

    run: tyro.conf.Positional[Path]
    """Run folder, of a run that may be training; or pretrained:NAME, a controller that ships with dsjax; or a file
    that export.py wrote."""
    members: Annotated[tuple[int, ...], tyro.conf.arg(aliases=["--member"])] = ()
    """Which members; all that were not stopped if not given."""
    episodes: int = 1
    """Episodes to play per member, on the first terrains of the set test-v1."""
    min_return: float = -math.inf
    """Film only episodes that reach this return."""
    grid: bool = False
    """One film per terrain, with all of its episodes side by side."""
    snapshot: str = "latest"
    """Which snapshot: latest, best (highest median of the frozen centers in training), or a round."""
    weights: Weights = "centers"
    """Act with the frozen centers, or with the weights oscillating around them; neither learns."""
    formats: tuple[Literal["mp4", "gif"], ...] = ("mp4",)
    """Kinds of files to write; GIFs are smaller pictures, and fewer."""
    fps: Literal[50, 25, 10] = 25
    """Pictures per second of a walker's time, at whose pace films are shown; fewer are filmed sooner."""
    max_steps: int | None = None
    """End films after so many environment steps, 50 of which are a second; at the end of the episodes if not given."""
    output: Path = Path("videos")
    """Folder of the films."""


@dataclass(frozen=True, kw_only=True)
class DynamicsCommand:
    """Record episodes of one trained member, and draw what happens inside its network."""

    run: tyro.conf.Positional[Path]
    """Run folder, of a run that may be training; or pretrained:NAME, a controller that ships with dsjax; or a file
    that export.py wrote."""
    member: int = 0
    """Which member."""
    snapshot: str = "latest"
    """Which snapshot: latest, best (highest median of the frozen centers in training), or a round."""
    mode: Mode = "learning"
    """Walk as in training; or without learning, with oscillating weights or with the frozen centers."""
    terrain: int = 0
    """Terrain of the first episode, in the set test-v1; each next episode runs on the next one."""
    episodes: int = 1
    """Consecutive episodes. One holds two or three cycles of a weight: the Poincare map wants more."""
    synapses: tuple[str, ...] = ()
    """Three synapses to follow, as layer:row,column; by default, of each layer that oscillates, the one that moved
    farthest."""
    output: Path | None = None
    """Folder for the figures and the recording; RUN/figures, or figures of a pretrained one, if not given."""


@dataclass(frozen=True, kw_only=True)
class SweepCommand:
    """Train many configurations with many seeds; started again, a sweep continues where it was."""

    sweep: tyro.conf.Positional[Path]
    """TOML file of the sweep."""
    output: str | None = None
    """Folder of the sweep, or any storage that fsspec knows, as s3://bucket/NAME; sweeps/NAME if not given."""
    dry_run: bool = False
    """Show the plan, and how long it would take; train nothing."""
    retries: int = 2
    """How often a job may fail, in all, and still be tried again."""
    shard: str = "0/1"
    """Train every n-th job from the i-th on, as i/n: for as many starts of the same sweep, on one machine or many."""
    engine: Literal["local", "ray"] = "local"
    """Train on this machine, or on a Ray cluster."""
    address: str | None = None
    """Ray's cluster, as auto; Ray on this machine alone if not given."""
    side_by_side: int = 0
    """Jobs at once on this machine; 0 is as many as its cores warrant."""

    @property
    def place(self) -> str:
        """Return where the sweep is kept: a folder or a URL."""
        return self.output or str(Path("sweeps") / self.sweep.stem)


@dataclass(frozen=True, kw_only=True)
class BenchmarkCommand:
    """Measure environment steps per second of bare stepping and of training, side by side."""

    members: tuple[int, ...] = (1, 8, 32, 128, 512)
    """Sizes of population."""
    backends: tuple[Literal["envpool", "async", "sync"], ...] = (
        *(("envpool",) if find_spec("envpool") else ()), "async", "sync",
    )  # fmt: skip
    """Backends of the environment; all that are installed if not given."""
    alone: tuple[int, ...] = (1, 8, 32, 128, 512, 2048, 4096)
    """Sizes of population whose controllers are timed alone."""
    preset: Literal["iros2018", "readme"] = "iros2018"
    """Controller."""
    seconds: float = 3.0
    """About how long each measurement lasts."""
    repeats: int = 5
    """Measurements of each thing; their medians are shown."""
    soak: float = 0.0
    """Instead of all this, train for so many minutes and watch the memory."""
