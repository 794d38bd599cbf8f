"""`dsjax evaluate`: score trained members on held-out terrains."""

from pathlib import Path
from typing import Literal

import tyro

from dsjax.envs.task import TerrainSet, Weights


def main(arguments: list[str], program: str | None = None) -> None:
    """Run the command."""
    tyro.cli(evaluate, args=arguments, prog=program)


def evaluate(
    run: tyro.conf.Positional[Path],
    episodes: int = 100,
    members: tuple[int, ...] = (),
    snapshot: str = "latest",
    weights: Weights = "centers",
    terrains: TerrainSet = "test-v1",
    backend: Literal["auto", "async", "sync"] = "auto",
    render: bool = False,
    output: Path | None = None,
    force: bool = False,
) -> None:
    """Score the members of a run on held-out terrains, always with gymnasium's own physics.

    Args:
        run: Run folder; or pretrained:NAME, a controller that ships with dsjax; or a file that `dsjax export` wrote.
        episodes: Terrains per member: the first ones of the set.
        members: Which members; all that were not stopped if not given.
        snapshot: Which snapshot: latest, best (highest median of the frozen centers in training), or a round.
        weights: Act with the frozen centers, or with the weights oscillating around them; neither learns.
        terrains: Terrain set: test for reporting, validation is what training selects on.
        backend: Where walkers step; the result is the same.
        render: Watch the first member alone in a window, one terrain after the other.
        output: Parquet file for the episodes; if not given, those of a run are added to what RUN/scores holds.
        force: Replace episodes that are stored with another result, and a file that is there.
    """
    # Imported here because --help needs none of it.
    from rich.console import Console

    from dsjax.cli.tables import score_table
    from dsjax.cli.terminal import note, say
    from dsjax.evaluation.score import score_run
    from dsjax.training.progress import task_progress
    from dsjax.training.runtime import prepare

    prepare()
    with task_progress(Console(stderr=True), "evaluating") as check:
        score = score_run(run, episodes, members, snapshot, weights, terrains, backend, render, output, force, check)
    console = Console()
    console.print(score_table(score))
    for text in score.notes:
        note(Console(stderr=True), text)
    if score.path:
        say(console, f"Every episode is in {score.path}")
