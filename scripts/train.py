#!/usr/bin/env python
"""Train a population: python scripts/train.py --config configs/iros2018.toml --members 32 --output runs/NAME."""

import sys


def main():
    # Imported here because env workers import this file too, and need none of it.
    from rich.console import Console

    from dsjax.command import errors_in_one_line, parse_train
    from dsjax.display import Display, summary_table
    from dsjax.training import Interrupted, Trainer

    console = Console()
    with errors_in_one_line():
        command = parse_train(sys.argv[1:])
        again = f"python scripts/train.py --output {command.output} --resume"
        with Display(console) as display:
            member = command.render_member if command.render else None
            trainer = Trainer(command.settings, command.output, display, member)
            try:
                trainer.run(command.resume, command.snapshot)
            except Interrupted as interrupted:
                console.print(
                    f"Stopped by {interrupted}; {trainer.tally.rounds} rounds are saved. To go on:\n  {again}"
                )
                sys.exit(130)
        console.print(summary_table(trainer))
        console.print(f"Next:\n  python scripts/evaluate.py {command.output} --episodes 100\n  {again} --steps MORE")


if __name__ == "__main__":
    main()
