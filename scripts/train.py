#!/usr/bin/env python
"""Train a population: python scripts/train.py --config configs/iros2018.toml --members 32 --output runs/NAME."""

import sys

from dsjax import entry


def main():
    # Imported here because env workers import this file too, and need none of it; what --help does not need, last.
    from dsjax.command import parse_train

    command = parse_train(sys.argv[1:])

    from rich.console import Console

    from dsjax.display import Display
    from dsjax.errors import Interrupted
    from dsjax.mirror import Mirror
    from dsjax.runtime import prepare
    from dsjax.tables import summary_table
    from dsjax.terminal import say
    from dsjax.training import Trainer
    from dsjax.watch import Watches

    console = Console()

    def again(*flags):
        return "  " + entry.next_command("train.py", "--output", command.folder, "--resume", *flags)

    prepare(command.settings.rows)
    mirrors = [Mirror(command.folder)] if command.tensorboard else []
    kept = ["--tensorboard"] * command.tensorboard
    with Watches(Display(console), *mirrors) as watch:
        trainer = Trainer(command.settings, command.folder, watch, command.watched())
        try:
            trainer.run(command.resume, command.snapshot)
        except Interrupted as interrupted:
            saved = "nothing is saved yet" if trainer.saved is None else f"saved up to round {trainer.saved}"
            say(console, f"Stopped by {interrupted}; {saved}. To continue:", again(*kept))
            raise
    if not trainer.trained:
        longer = again(*kept, "--steps", "N")
        say(console, f"{command.folder} is finished: {trainer.limit()}. To train longer, N steps in all:", longer)
        return
    console.print(summary_table(trainer))
    looks = ["  " + entry.next_command(name, command.folder) for name in ("evaluate.py", "compare.py", "report.py")]
    say(console, "Next:", *looks, again(*kept, "--steps", "N") + "    # N steps in all")


if __name__ == "__main__":
    entry.run(main)
