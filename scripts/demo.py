#!/usr/bin/env python
"""`dsjax demo`: python scripts/demo.py."""

from dsjax.cli.main import main

if __name__ == "__main__":
    main("demo")
