"""How every script starts and ends: errors in one line, Ctrl-C without a traceback, and commands to run next.

The standard library alone, as processes that work for a script import the script too.
"""

import os
import shlex
import signal
import subprocess
import sys
import warnings
from collections.abc import Callable
from pathlib import Path

from dsjax.errors import ConfigError, Interrupted, RunError, explain_os_error


def run(main: Callable[[], None]) -> None:
    """Run a script's `main`, and end with an exit status.

    What a user can mend is one line on stderr, with status 2: a wrong config, a run that cannot be used, a folder that
    cannot be written. Interrupted, the status is 130.
    """
    # Figures are files here. A notebook leaves a name there that only it can load.
    os.environ["MPLBACKEND"] = "agg"
    signal.signal(signal.SIGINT, _interrupt)
    warnings.formatwarning = _format_warning
    try:
        main()
    except (KeyboardInterrupt, Interrupted):
        sys.exit(130)
    except BrokenPipeError:  # whoever read the output has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
    except (ConfigError, RunError) as error:
        _fail(str(error))
    except OSError as error:
        _fail(explain_os_error(error))


def next_command(script: str, *arguments: object) -> str:
    """Return the command that runs a script of the same folder as this one was run, to be typed in the same place.

    Args:
      script: its name, as "evaluate.py".
      arguments: quoted as this system's shell needs it. A path that would pass for a flag is written from ".".
    """
    words = [sys.orig_argv[0], str(Path(sys.argv[0]).with_name(script))]
    for argument in arguments:
        text = str(argument)
        words.append(f"./{text}" if isinstance(argument, Path) and text.startswith("-") else text)
    return subprocess.list2cmdline(words) if os.name == "nt" else shlex.join(words)


_detailed = warnings.formatwarning


def _format_warning(message, category, *where):
    """Return a warning to the user as a note; one of the program's keeps its place in the code."""
    return f"note: {message}\n" if category is UserWarning else _detailed(message, category, *where)


def _fail(message):
    sys.stderr.write(f"error: {message}\n")
    sys.exit(2)


def _interrupt(number, frame):
    """End at once in the middle of an import, where there is nothing to tidy up and much that would go wrong."""
    while frame:
        if frame.f_code.co_filename.startswith("<frozen importlib"):
            os._exit(130)
        frame = frame.f_back
    raise KeyboardInterrupt
