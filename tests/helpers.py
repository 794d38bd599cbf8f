"""What tests share that is no fixture: the clone's folder, a small sweep, and ways to run a command."""

import io
import json
import os
import signal
import subprocess
import sys
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from pathlib import Path
from unittest import mock

import numpy as np
from PIL import Image

from dsjax.cli.main import main
from dsjax.storage.snapshots import Snapshots
from dsjax.storage.states import latest_round, load_snapshot
from dsjax.training.callbacks import Callback

ROOT = Path(__file__).parent.parent
# Two jobs of four rounds, to be disturbed.
SWEEP = """
seeds = 2
[base]
episodes = 0
steps = 1600
round_steps = 400
evaluation.every = 2
evaluation.episodes = 1
environment.backend = "sync"
seed = 29
synapse.center_range = 6.0
[grid]
learning.optimizer = ["sgd", "adam"]
learning.learning_rate = [1e-5, 1e-4]
"""
JOBS = ("000-iros2018-sgd", "001-iros2018-adam")

# Members whose frozen centers fall within some hundred steps of 1,600: to train and to evaluate them takes little time.
EARLY = {"preset": "iros2018", "synapse": {"center_range": 6.0}, "seed": 29}

started: list[subprocess.Popen] = []


def start_script(name, *arguments, **options):
    """Start a script as a user would, in a process group of its own."""
    command = [sys.executable, str(ROOT / "scripts" / name), *map(str, arguments)]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
    started.append(subprocess.Popen(command, cwd=ROOT, start_new_session=True, **(pipes | options)))
    return started[-1]


def serve(name, *arguments):
    """Start a script that serves a page, at any free port; return its process and address."""
    process = start_script(name, *arguments, "--port", 0)
    said = process.stdout.readline()
    assert said.startswith("http://127.0.0.1:"), said + process.stdout.read()
    return process, said.split()[0]


def interrupt(process):
    """End a script as Ctrl-C does; return its exit status and what it printed."""
    os.killpg(process.pid, signal.SIGINT)
    output, _ = process.communicate(timeout=60)
    return process.returncode, output


def until(condition, seconds=60):
    """Wait for a condition."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.02)


def run_script(name, *arguments):
    """Run a script to its end in a process of its own; return its exit status and what it printed."""
    process = start_script(name, *arguments)
    output, _ = process.communicate(timeout=300)
    return process.returncode, output


def run_command(name, *arguments):
    """Run `scripts/NAME.py` in this process, from the clone's folder; return its exit status and what it printed."""
    script = str(ROOT / "scripts" / f"{name}.py")
    output, status = io.StringIO(), 0
    with _as_script([script, *map(str, arguments)]), redirect_stdout(output), redirect_stderr(output):
        try:
            main(name)
        except SystemExit as ended:
            status = ended.code or 0
    return status, output.getvalue()


@contextmanager
def _as_script(argv) -> Iterator[None]:
    """Have the process look as if a script was started in the clone's folder, and undo what a command changes of it."""
    here, handler, shown = Path.cwd(), signal.getsignal(signal.SIGINT), warnings.formatwarning
    whole = [sys.executable, *argv]
    with mock.patch.multiple(sys, argv=argv, orig_argv=whole), mock.patch.dict(os.environ):
        os.chdir(ROOT)
        try:
            yield
        finally:
            os.chdir(here)
            signal.signal(signal.SIGINT, handler)
            warnings.formatwarning = shown


def copy(run, folder):
    """Copy a run's files but for its snapshots."""
    for path in run.rglob("*"):
        if path.is_file() and "snapshots" not in path.parts:
            target = folder / path.relative_to(run)
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(path.read_bytes())
    return folder


def assert_readable(figure):
    """Axes at the left and at the bottom are labelled, no legend lies on an axis, no text is cut off."""
    figure.draw_without_rendering()
    for axis in figure.axes:
        place = axis.get_subplotspec()
        if place is None:  # a color bar's
            assert axis.get_xlabel() or axis.get_ylabel()
            continue
        named = any(label.get_text()[:1].isalpha() for label in axis.get_yticklabels())
        assert axis.get_ylabel() or named or not place.is_first_col()
        assert axis.get_xlabel() or not place.is_last_row()
    for legend in figure.legends:
        for axis in figure.axes:
            assert not legend.get_window_extent().overlaps(axis.get_window_extent())
    width, height = figure.get_size_inches() * figure.dpi
    for text in (*figure.texts, *(axis.title for axis in figure.axes), *(axis._left_title for axis in figure.axes)):
        box = text.get_window_extent()
        assert box.width == 0 or (box.x0 >= 0 and box.x1 <= width and box.y1 <= height + 1), text


def files(folder):
    """Return the bytes of every file that a sweep leaves and that tells no time, by name; snapshots as arrays."""
    found = {}
    for path in sorted(folder.rglob("*")):
        if path.is_file() and "snapshots" not in path.parts and path.name not in ("run.json", "events.jsonl"):
            private = path.suffix == ".lock" or path.name.endswith("lock-holder")
            found[str(path.relative_to(folder))] = b"" if private else path.read_bytes()
    return found


def assert_same_sweep(first, second, names=JOBS):
    assert files(first) == files(second)
    for name in names:
        snapshots = [Snapshots(folder / "jobs" / name) for folder in (first, second)]
        numbers = [each.numbers() for each in snapshots]
        assert numbers[0] == numbers[1]
        for number in numbers[0]:
            one, other = (each.load(number) for each in snapshots)
            assert one.keys() == other.keys()
            for key, value in one.items():
                np.testing.assert_array_equal(value, other[key], err_msg=key)
        for each in snapshots:
            each.close()


def last_holder(folder, name):
    """Return the process that trains a job, or was the last to."""
    return json.loads((folder / "status" / f"{name}.lock-holder").read_text())["process"]


def wait_until(condition, process, seconds=300):
    """Wait for what a process is about to do; one that does not is ended, and what it said is shown."""
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            os.killpg(process.pid, signal.SIGKILL)
        assert process.poll() is None, process.communicate()[0]
        time.sleep(0.005)


def tables(folder):
    """Return the bytes of every Parquet file of a run, by name."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*.parquet"))}


def last_snapshot(folder):
    number = latest_round(folder)
    return number, load_snapshot(folder, number)


def assert_same_run(first, second, but="none"):
    (one, other) = ({k: v for k, v in tables(each).items() if not k.startswith(but)} for each in (first, second))
    assert one == other
    (number, arrays), (other_number, other_arrays) = last_snapshot(first), last_snapshot(second)
    assert number == other_number
    assert arrays.keys() == other_arrays.keys()
    for name, value in arrays.items():
        np.testing.assert_array_equal(value, other_arrays[name], err_msg=name)


def assert_drawn(figure, png):
    """A saved figure has the figure's size, and every axes shows something stronger than its grid."""
    pixels = np.asarray(Image.open(png).convert("RGB"))
    height, width, _ = pixels.shape
    assert (width, height) == tuple(np.round(figure.get_size_inches() * figure.dpi).astype(int))
    figure.draw_without_rendering()
    for axis in figure.axes:
        left, bottom, right, top = np.round(axis.get_window_extent().extents).astype(int)
        inside = pixels[height - top + 4 : height - bottom - 4, left + 4 : right - 4]
        assert (inside.min(axis=2) < 200).mean() > 1e-4, (png.name, axis)


class Stop(Callback):
    """Interrupts a run at a tick of a round, as a kill there would."""

    def __init__(self, rounds, tick):
        self.when = rounds, tick

    def on_step(self, run, tick):
        if (int(run.stats.rounds), tick) == self.when:
            raise KeyboardInterrupt
