#!/usr/bin/env python
"""Score trained members on held-out terrains: python scripts/evaluate.py runs/NAME --episodes 100."""

from dsjax import entry


def main():
    # Imported here because env workers import this file too, and need none of it; what --help does not need, last.
    import tyro

    from dsjax.commands import ScoreCommand

    command = tyro.cli(ScoreCommand)

    from rich.console import Console

    from dsjax.runtime import prepare
    from dsjax.scoring import score_run
    from dsjax.tables import score_table
    from dsjax.terminal import note, say

    prepare()
    score = score_run(command)
    console = Console()
    console.print(score_table(score))
    for text in score.notes:
        note(Console(stderr=True), text)
    if score.path:
        say(console, f"Every episode is in {score.path}")


if __name__ == "__main__":
    entry.run(main)
