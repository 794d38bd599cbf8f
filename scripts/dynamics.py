#!/usr/bin/env python
"""Look inside a trained member's network as it walks: python scripts/dynamics.py runs/NAME --member 3."""

from dsjax import entry


def main():
    import tyro

    from dsjax.commands import DynamicsCommand

    command = tyro.cli(DynamicsCommand)

    # Imported here because --help needs none of it.
    from dsjax.dynamics import draw_run
    from dsjax.runtime import prepare

    prepare()
    print(*draw_run(command), sep="\n")


if __name__ == "__main__":
    entry.run(main)
