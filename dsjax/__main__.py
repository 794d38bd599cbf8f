"""`python -m dsjax` is the command `dsjax`."""

from dsjax.cli.main import main

if __name__ == "__main__":
    main()
