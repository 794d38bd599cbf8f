#!/usr/bin/env python
"""Let a trained member ship with dsjax: python scripts/export.py runs/NAME --member 3 --name NAME."""


def main():
    from pathlib import Path

    import tyro
    from rich.console import Console

    from dsjax import pretrained, trained
    from dsjax.command import errors_in_one_line
    from dsjax.runtime import prepare

    def export(run: tyro.conf.Positional[Path], member: int, name: str, snapshot: str = "latest") -> None:
        """Write what a member has learned to a small file in dsjax's folder, to be named as pretrained:NAME.

        Args:
            run: Run folder.
            member: Which member.
            name: What to call it.
            snapshot: Which snapshot: latest, best (highest median of the frozen centers in training), or a round.
        """
        prepare()
        with errors_in_one_line():
            path = pretrained.FOLDER / f"{name}.npz"
            trained.export(trained.load(run, snapshot), member, path)
            size = path.stat().st_size / 1000
            Console().print(f"{path} ({size:.1f} kB); now pretrained:{name} stands for it", soft_wrap=True)

    tyro.cli(export)


if __name__ == "__main__":
    main()
