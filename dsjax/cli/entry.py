"""How every command starts and ends: errors in one line, Ctrl-C without a traceback, and commands to run next.

The standard library alone, as processes that work for a command import its script too.
"""

import os
import shlex
import shutil
import signal
import subprocess
import sys
import warnings
from collections.abc import Callable
from pathlib import Path
from types import FrameType

from dsjax.errors import ConfigError, Interrupted, RunError, explain_os_error


def run(main: Callable[[], None]) -> None:
    """Run a command, and end with an exit status.

    What a user can mend is one line on stderr, with status 2: a wrong config, a run that cannot be used, a folder that
    cannot be written. Interrupted, the status is 130.
    """
    # Figures are files here. A notebook leaves a name there that only it can load.
    os.environ["MPLBACKEND"] = "agg"
    signal.signal(signal.SIGINT, _interrupt)
    warnings.formatwarning = _format_warning  # type: ignore[assignment]
    try:
        main()
    except (KeyboardInterrupt, Interrupted):
        sys.exit(130)
    except BrokenPipeError:  # whoever read the output has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
    except (ConfigError, RunError) as error:
        _fail(str(error))
    except ModuleNotFoundError as error:
        if message := _missing_extra(error):
            _fail(message)
        raise
    except OSError as error:
        _fail(explain_os_error(error))


def next_command(name: str, *arguments: object) -> str:
    """Return another command as this one was called, to be typed in the same place.

    Args:
      name: of the command, as "evaluate".
      arguments: quoted as this system's shell needs it. A path that would pass for a flag is written from ".".
    """
    words = _called(name)
    for argument in arguments:
        text = str(argument)
        words.append(f"./{text}" if isinstance(argument, Path) and text.startswith("-") else text)
    return subprocess.list2cmdline(words) if os.name == "nt" else shlex.join(words)


def _called(name: str) -> list[str]:
    """Return how to call a command: as `dsjax NAME`, as `python -m dsjax NAME`, or as a script of this one's folder."""
    script = Path(sys.argv[0])
    if script.stem == "__main__":
        return [sys.orig_argv[0], "-m", "dsjax", name]
    if script.suffix != ".py":
        return ["dsjax" if shutil.which("dsjax") == str(script) else str(script), name]
    return [sys.orig_argv[0], str(script.with_name(f"{name}.py"))]


# Packages that come with an extra, and which one.
_EXTRAS = {
    "training": (
        *("Box2D", "gymnasium", "numpy", "orbax", "platformdirs", "psutil", "pyarrow", "pydantic"),
        *("rich", "scipy", "tomli_w", "tyro", "filelock"),
    ),
    "plots": ("matplotlib",),
    "video": ("imageio_ffmpeg", "PIL"),
    "report": ("jinja2",),
    "sweeps": ("fsspec",),
    "teach": ("aiohttp",),
}


def _missing_extra(error: ModuleNotFoundError) -> str:
    """Return what to install for a package that is missing; "" for one that no extra brings."""
    package = (error.name or "").split(".")[0]
    extra = next((extra for extra, packages in _EXTRAS.items() if package in packages), "")
    return f"{package} is not installed; pip install 'dsjax[{extra}]', or 'dsjax[all]'" if extra else ""


_detailed = warnings.formatwarning


def _format_warning(message: object, category: type, *where: object) -> str:
    """Return a warning to the user as a note; one of the program's keeps its place in the code."""
    return f"note: {message}\n" if category is UserWarning else _detailed(message, category, *where)  # type: ignore[arg-type]


def _fail(message: str) -> None:
    sys.stderr.write(f"error: {message}\n")
    sys.exit(2)


def _interrupt(number: int, frame: FrameType | None) -> None:
    """End at once in the middle of an import, where there is nothing to tidy up and much that would go wrong."""
    while frame:
        if frame.f_code.co_filename.startswith("<frozen importlib"):
            os._exit(130)
        frame = frame.f_back
    raise KeyboardInterrupt
