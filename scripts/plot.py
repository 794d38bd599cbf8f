#!/usr/bin/env python
"""`dsjax plot`: python scripts/plot.py runs/NAME --member 3."""

from dsjax.cli.main import main

if __name__ == "__main__":
    main("plot")
