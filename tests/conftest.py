import atexit
import os
import shutil
import signal
import subprocess
import tempfile

os.environ.setdefault("JAX_PLATFORMS", "cpu")
# The scripts that tests start compile the same programs again and again: let them share.
if "JAX_COMPILATION_CACHE_DIR" not in os.environ:
    os.environ["JAX_COMPILATION_CACHE_DIR"] = tempfile.mkdtemp(prefix="dsjax-test-")
    atexit.register(shutil.rmtree, os.environ["JAX_COMPILATION_CACHE_DIR"], ignore_errors=True)
os.environ.setdefault("JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS", "0")

import jax
import pytest
from helpers import EARLY, SWEEP, run_command, started

# Of an installed browser; a test must not start to download one.
BROWSER = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)

# Nothing may change type or shape unnoticed.
jax.config.update("jax_numpy_dtype_promotion", "strict")
jax.config.update("jax_numpy_rank_promotion", "raise")


@pytest.fixture
def float64():
    """Run a test in float64."""
    with jax.enable_x64(True):
        yield


@pytest.fixture(scope="session")
def small_runs(tmp_path_factory):
    """Return three small finished runs to read: "a", "b" with another seed, and "c" without repulsion, and shorter."""
    from dsjax.config import loading
    from dsjax.training.trainer import Trainer

    settings = {
        **EARLY, "members": 3, "steps": 1200, "round_steps": 300, "environment": {"backend": "sync"},
        "evaluation": {"every": 2, "episodes": 2},
    }  # fmt: skip
    changes = {"a": {}, "b": {"seed": 56}, "c": {"learning": {"repulsive": False}, "steps": 600, "members": 2}}
    folder = tmp_path_factory.mktemp("runs")
    for name, change in changes.items():
        Trainer(loading.build(settings | change), folder / name).run()
    return folder


@pytest.fixture(scope="session")
def small_sweep(tmp_path_factory):
    """Return the folder of a small finished sweep of six points, in two jobs, with two members each."""
    from dsjax.sweeps import jobs
    from dsjax.sweeps.plan import read_plan
    from dsjax.sweeps.spec import open_folder, read_sweep

    file, folder = tmp_path_factory.mktemp("sweeps") / "small.toml", tmp_path_factory.mktemp("sweeps") / "small"
    file.write_text(
        "seeds = 2\n[base]\nepisodes = 0\nsteps = 600\nround_steps = 300\nenvironment.backend = 'sync'\n"
        "seed = 29\nsynapse.center_range = 6.0\n"
        "evaluation.every = 1\nevaluation.episodes = 2\n"
        "[grid]\nsynapse.amplitude = [0.1, 0.2, 0.4]\nlearning.repulsive = [true, false]\n"
    )
    open_folder(read_sweep(file), folder)
    for job in read_plan(folder).jobs:
        jobs.train(job, folder)
    return folder


@pytest.fixture(scope="session")
def sweep_file(tmp_path_factory):
    path = tmp_path_factory.mktemp("sweep") / "small.toml"
    path.write_text(SWEEP)
    return path


@pytest.fixture(scope="session")
def whole(sweep_file):
    """Return the folder of that sweep, trained on this machine and disturbed by nothing."""
    folder = sweep_file.parent / "whole"
    status, output = run_command("sweep", sweep_file, "--output", folder)
    assert status == 0, output
    return folder


@pytest.fixture(scope="module")
def browser():
    """Return Chromium. While it is open, this process can run no asyncio of its own: no snapshots, no trainings."""
    if BROWSER is None:
        # CI installs one, so that this is tested there for certain.
        assert "CI" not in os.environ, "there is no Chromium"
        pytest.skip("there is no Chromium: apt-get install chromium")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=BROWSER, args=["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
        )
        yield browser
        browser.close()


@pytest.fixture(autouse=True)
def no_script_is_left():
    """End the scripts that a failed test has left running."""
    yield
    while started:
        process = started.pop()
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.communicate()


@pytest.fixture
def small_disk(tmp_path):
    """Return a function from a size, as "64k", to a new file system of that size."""
    disks = []

    def mount(size):
        disk = tmp_path / f"disk-{size}"
        disk.mkdir()
        command = ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(disk)]
        if os.geteuid() != 0 or subprocess.run(command, capture_output=True, check=False).returncode:
            pytest.skip("mounting a small disk takes root")
        disks.append(disk)
        return disk

    yield mount
    for disk in disks:
        subprocess.run(["umount", "--lazy", str(disk)], check=True)
