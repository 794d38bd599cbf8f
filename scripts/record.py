#!/usr/bin/env python
"""Film trained members: python scripts/record.py runs/NAME --member 3 --episodes 20 --min-return 300.

The exit status is 1 if no episode reached the return, so that there is no film.
"""


def main():
    # Imported here because env workers import this file too, and need none of it.
    import sys

    import tyro
    from rich.console import Console

    from dsjax.command import errors_in_one_line
    from dsjax.runtime import prepare
    from dsjax.video import FilmCommand, film_run

    command = tyro.cli(FilmCommand)
    prepare()
    console = Console()
    with errors_in_one_line():
        filmed = film_run(command, console)
    for path in filmed.paths:
        note = " (was there already)" if path in filmed.kept else ""
        console.print(f"{path}{note}", soft_wrap=True, highlight=False, markup=False)
    if not filmed.paths:
        console.print(f"No episode reached a return of {command.min_return:g}; {filmed.best()}", soft_wrap=True)
        sys.exit(1)


if __name__ == "__main__":
    main()
