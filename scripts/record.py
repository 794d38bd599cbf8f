#!/usr/bin/env python
"""Film trained members: python scripts/record.py runs/NAME --member 3 --episodes 20 --min-return 300.

The exit status is 1 if no episode reached the return, so that there is no film.
"""

import sys

from dsjax import entry


def main():
    # Imported here because env workers import this file too, and need none of it; what --help does not need, last.
    import tyro

    from dsjax.commands import FilmCommand

    command = tyro.cli(FilmCommand)

    from rich.console import Console

    from dsjax.runtime import prepare
    from dsjax.terminal import say
    from dsjax.video import film_run

    prepare()
    console = Console()
    filmed = film_run(command, console)
    for path in filmed.paths:
        say(console, f"{path}{' (was there already)' if path in filmed.kept else ''}")
    if not filmed.paths:
        say(console, f"No episode reached a return of {command.min_return:g}; {filmed.best()}")
        sys.exit(1)


if __name__ == "__main__":
    entry.run(main)
