#!/usr/bin/env python
"""`dsjax export`: python scripts/export.py runs/NAME --member 3 --output walker.npz."""

from dsjax.cli.main import main

if __name__ == "__main__":
    main("export")
