#!/usr/bin/env python
"""`dsjax curve`: python scripts/curve.py runs/NAME."""

from dsjax.cli.main import main

if __name__ == "__main__":
    main("curve")
