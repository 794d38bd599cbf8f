#!/usr/bin/env python
"""`dsjax dynamics`: python scripts/dynamics.py runs/NAME --member 3."""

from dsjax.cli.main import main

if __name__ == "__main__":
    main("dynamics")
