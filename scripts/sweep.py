#!/usr/bin/env python
"""`dsjax sweep`: python scripts/sweep.py configs/sweeps/NAME.toml --output sweeps/NAME."""

from dsjax.cli.main import main

if __name__ == "__main__":
    main("sweep")
