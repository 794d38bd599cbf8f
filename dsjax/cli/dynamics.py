"""`dsjax dynamics`: look inside a trained member's network as it walks."""

from pathlib import Path

import tyro

from dsjax.envs.task import Mode


def main(arguments: list[str], program: str | None = None) -> None:
    """Run the command."""
    tyro.cli(dynamics, args=arguments, prog=program)


def dynamics(
    run: tyro.conf.Positional[Path],
    member: int = 0,
    snapshot: str = "latest",
    mode: Mode = "learning",
    terrain: int = 0,
    episodes: int = 1,
    synapses: tuple[str, ...] = (),
    output: Path | None = None,
) -> None:
    """Record episodes of one trained member, and draw what happens inside its network.

    Args:
        run: Run folder, of a run that may be training; or pretrained:NAME, a controller that ships with dsjax; or a
            file that `dsjax export` wrote.
        member: Which member.
        snapshot: Which snapshot: latest, best (highest median of the frozen centers in training), or a round.
        mode: Walk as in training; or without learning, with oscillating weights or with the frozen centers.
        terrain: Terrain of the first episode, in the set test-v1; each next episode runs on the next one.
        episodes: Consecutive episodes. One holds two or three cycles of a weight: the Poincare map wants more.
        synapses: Three synapses to follow, as layer:row,column; by default, of each layer that oscillates, the one that
            moved farthest.
        output: Folder for the figures and the recording; RUN/figures, or figures of a pretrained one, if not given.
    """
    # Imported here because --help needs none of it.
    from dsjax.plotting.synapses import draw_run
    from dsjax.training.runtime import prepare

    prepare()
    print(*draw_run(run, member, snapshot, mode, terrain, episodes, synapses, output), sep="\n")
