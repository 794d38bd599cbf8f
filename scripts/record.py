#!/usr/bin/env python
"""`dsjax record`: python scripts/record.py runs/NAME --member 3 --episodes 20 --min-return 300."""

from dsjax.cli.main import main

if __name__ == "__main__":
    main("record")
