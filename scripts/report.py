#!/usr/bin/env python
"""`dsjax report`: python scripts/report.py runs/A runs/B."""

from dsjax.cli.main import main

if __name__ == "__main__":
    main("report")
