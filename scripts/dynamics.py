#!/usr/bin/env python
"""Look inside a trained member's network as it walks: python scripts/dynamics.py runs/NAME --member 3."""


def main():
    import tyro

    from dsjax.command import errors_in_one_line
    from dsjax.dynamics import DynamicsCommand, draw_run
    from dsjax.runtime import prepare

    command = tyro.cli(DynamicsCommand)
    prepare()
    with errors_in_one_line():
        for path in draw_run(command):
            print(path)


if __name__ == "__main__":
    main()
