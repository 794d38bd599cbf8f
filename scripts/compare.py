#!/usr/bin/env python
"""`dsjax compare`: python scripts/compare.py runs/A runs/B."""

from dsjax.cli.main import main

if __name__ == "__main__":
    main("compare")
