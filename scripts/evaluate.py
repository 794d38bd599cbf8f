#!/usr/bin/env python
"""Score trained members on held-out terrains: python scripts/evaluate.py runs/NAME --episodes 100."""


def main():
    # Imported here because env workers import this file too, and need none of it.
    import tyro
    from rich.console import Console

    from dsjax.command import errors_in_one_line
    from dsjax.runtime import prepare
    from dsjax.scoring import ScoreCommand, score_run
    from dsjax.tables import score_table

    command = tyro.cli(ScoreCommand)
    prepare()
    console = Console()
    with errors_in_one_line():
        score = score_run(command)
        console.print(score_table(score))
        if score.path:
            console.print(f"Every episode is in {score.path}", soft_wrap=True)


if __name__ == "__main__":
    main()
