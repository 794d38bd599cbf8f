#!/usr/bin/env python
"""`dsjax benchmark`: python scripts/benchmark.py --members 32 128."""

from dsjax.cli.main import main

if __name__ == "__main__":
    main("benchmark")
