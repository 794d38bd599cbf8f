"""`dsjax report`: report runs on one HTML page."""

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import tyro

from dsjax.errors import ConfigError

if TYPE_CHECKING:
    from dsjax.analysis.comparison import Comparison

_PORT = 8710


def main(arguments: list[str], program: str | None = None) -> None:
    """Run the command."""
    tyro.cli(report, args=arguments, prog=program)


def report(
    runs: tyro.conf.Positional[tuple[Path, ...]],
    by: tuple[str, ...] = (),
    labels: tuple[str, ...] = (),
    output: Path | None = None,
    serve: bool = False,
    port: int | None = None,
) -> None:
    """Write one page with numbers, figures, configs and a film of runs, that opens from a disk without a network.

    Args:
        runs: Run folders, or sweeps' folders.
        by: Config keys, as learning.repulsive: members with the same values make a group. All keys if not given.
        labels: What to call the groups, in their order; see `dsjax compare`.
        output: HTML file; RUN/report.html of a single run, report.html of several, if not given.
        serve: Show the page to browsers of this machine, and keep it current while runs go on; Ctrl-C ends it.
        port: To serve at; 8710 if not given, 0 for any that is free.
    """
    if port is not None and not serve:
        raise ConfigError(f"--port {port}: goes with --serve")
    if serve and output:
        raise ConfigError(f"--output {output}: --serve writes no file; leave one of them out")
    # Imported here because --help needs none of it.
    from dsjax.analysis.comparison import compare
    from dsjax.sweeps.plan import run_folders
    from dsjax.training.runtime import prepare

    read = partial(compare, by=by, labels=labels)
    folders = run_folders(runs)
    if serve:
        _serve(runs, folders, read, _PORT if port is None else port)
        return
    from dsjax.report.page import write_report

    prepare()
    path = output or (runs[0] if len(runs) == 1 else Path()) / "report.html"
    write_report(read(folders), path)
    print(path)


def _serve(
    runs: Sequence[Path], folders: Sequence[Path], read: "Callable[[Sequence[Path]], Comparison]", port: int
) -> None:
    """Serve the page of runs until SIGINT or SIGTERM.

    Raises:
      RunError: there is no such run.
      ConfigError: no run is named, or the port cannot be had.
    """
    import os

    from dsjax.report.live import LiveReport
    from dsjax.report.server import Server
    from dsjax.storage.run import read_run_config
    from dsjax.sweeps.spec import is_sweep
    from dsjax.training.runtime import prepare, signals

    if not runs:
        raise ConfigError("nothing to serve; name at least one run folder, as runs/NAME")
    for run in runs:
        if not is_sweep(run):  # whose jobs may still be to come
            read_run_config(run)
    live = LiveReport(folders, read)
    with Server(live, port) as server:
        prepare()
        if hasattr(os, "nice"):
            os.nice(5)  # the cores are for those who train
        with signals() as came, live:
            print(f"{server.url}  (Ctrl-C ends it)", flush=True)
            while not came:
                server.handle_request()
            print("ending", flush=True)
