#!/usr/bin/env python
"""`dsjax train`: python scripts/train.py --config solve --output runs/NAME."""

from dsjax.cli.main import main

if __name__ == "__main__":
    main("train")
