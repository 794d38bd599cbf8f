#!/usr/bin/env python
"""Train a population: python scripts/train.py --config configs/iros2018.toml --members 32 --output runs/NAME."""

import sys


def main():
    # Imported here because env workers import this file too, and need none of it.
    from rich.console import Console

    from dsjax.command import errors_in_one_line, parse_train
    from dsjax.display import Display
    from dsjax.runtime import prepare
    from dsjax.tables import summary_table
    from dsjax.training import Interrupted, Trainer

    console = Console()
    with errors_in_one_line():
        command = parse_train(sys.argv[1:])
        prepare(command.settings.rows)
        again = f"python scripts/train.py --output {command.output} --resume"
        with Display(console) as display:
            trainer = Trainer(command.settings, command.output, display, command.watched())
            try:
                trainer.run(command.resume, command.snapshot)
            except Interrupted as interrupted:
                saved = "nothing is saved yet" if trainer.saved is None else f"saved up to round {trainer.saved}"
                console.print(f"Stopped by {interrupted}; {saved}. To go on:\n  {again}", soft_wrap=True)
                sys.exit(130)
        console.print(summary_table(trainer))
        next_steps = (f"python scripts/evaluate.py {command.output} --episodes 100", f"{again} --steps MORE")
        console.print("Next:", *next_steps, sep="\n  ", soft_wrap=True)


if __name__ == "__main__":
    main()
