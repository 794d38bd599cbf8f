#!/usr/bin/env python
"""Write a trained member to a small file: python scripts/export.py runs/NAME --member 3 --output walker.npz."""

from pathlib import Path

from dsjax import entry


def main():
    import tyro

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

        from dsjax import pretrained, trained
        from dsjax.runtime import prepare
        from dsjax.terminal import say

        path = pretrained.new_file(name, output, force)
        prepare()
        trained.export(trained.load(run, snapshot), member, path)
        size, known = path.stat().st_size / 1000, f"{pretrained.PREFIX}{name}" if name else path
        say(Console(), f"{path} ({size:.1f} kB). Try it:", "  " + entry.next_command("evaluate.py", known))

    tyro.cli(export)


if __name__ == "__main__":
    entry.run(main)
