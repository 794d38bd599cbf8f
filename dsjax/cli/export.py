"""`dsjax export`: write a trained member to a small file."""

from pathlib import Path

import tyro


def main(arguments: list[str], program: str | None = None) -> None:
    """Run the command."""
    tyro.cli(export, args=arguments, prog=program)


def export(
    run: tyro.conf.Positional[Path],
    member: int,
    name: str | None = None,
    output: Path | None = None,
    snapshot: str = "latest",
    force: bool = False,
) -> None:
    """Write a member, with all that it needs to walk and to learn on, to a small file.

    Args:
        run: Run folder.
        member: Which member.
        name: Let it ship with dsjax, to be named as pretrained:NAME.
        output: File to write instead, NAME.npz, to be named by its path.
        snapshot: Which snapshot: latest, best (highest median of the frozen centers in training), or a round.
        force: Replace a file that is there.
    """
    # Imported here because --help needs none of it.
    from rich.console import Console

    from dsjax.cli import entry
    from dsjax.cli.terminal import say
    from dsjax.evaluation import controllers
    from dsjax.storage import pretrained
    from dsjax.training.runtime import prepare

    path = pretrained.new_file(name, output, force)
    prepare()
    controllers.export(controllers.load_controllers(run, snapshot), member, path)
    size, known = path.stat().st_size / 1000, f"{pretrained.PREFIX}{name}" if name else path
    say(Console(), f"{path} ({size:.1f} kB). Try it:", "  " + entry.next_command("evaluate", known))
