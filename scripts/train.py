#!/usr/bin/env python
"""Train a population: python scripts/train.py --config configs/iros2018.toml --members 32 --output runs/NAME."""

import sys


def main():
    # Imported here because env workers import this file too, and need none of it.
    from rich.console import Console

    from dsjax.command import errors_in_one_line, parse_train
    from dsjax.display import Display
    from dsjax.mirror import Mirror
    from dsjax.runtime import prepare
    from dsjax.tables import summary_table
    from dsjax.training import Interrupted, Trainer
    from dsjax.watch import Watches

    console = Console()
    with errors_in_one_line():
        command = parse_train(sys.argv[1:])
        prepare(command.settings.rows)
        again = f"python scripts/train.py --output {command.output} --resume" + " --tensorboard" * command.tensorboard
        mirrors = [Mirror(command.output)] if command.tensorboard else []
        with Watches(Display(console), *mirrors) as watch:
            trainer = Trainer(command.settings, command.output, watch, command.watched())
            try:
                trainer.run(command.resume, command.snapshot)
            except Interrupted as interrupted:
                saved = "nothing is saved yet" if trainer.saved is None else f"saved up to round {trainer.saved}"
                console.print(f"Stopped by {interrupted}; {saved}. To go on:\n  {again}", soft_wrap=True)
                sys.exit(130)
        console.print(summary_table(trainer))
        looks = (f"python scripts/{name} {command.output}" for name in ("evaluate.py", "compare.py", "report.py"))
        console.print("Next:", *looks, f"{again} --steps MORE", sep="\n  ", soft_wrap=True)


if __name__ == "__main__":
    main()
