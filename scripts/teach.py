#!/usr/bin/env python
"""`dsjax teach`: python scripts/teach.py."""

from dsjax.cli.main import main

if __name__ == "__main__":
    main("teach")
