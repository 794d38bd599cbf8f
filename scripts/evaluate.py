#!/usr/bin/env python
"""`dsjax evaluate`: python scripts/evaluate.py runs/NAME --episodes 100."""

from dsjax.cli.main import main

if __name__ == "__main__":
    main("evaluate")
