#!/usr/bin/env python
"""`dsjax watch`: python scripts/watch.py pretrained:ambler."""

from dsjax.cli.main import main

if __name__ == "__main__":
    main("watch")
