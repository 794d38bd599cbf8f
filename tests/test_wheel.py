"""A wheel, built and used from another folder: what an installation has, and not only the clone."""

import os
import subprocess
import sys
import zipfile

import pytest
from helpers import ROOT

import dsjax


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(folder), str(ROOT)]
    subprocess.run(command, check=True, capture_output=True)
    [path] = folder.glob("*.whl")
    return path


@pytest.fixture(scope="module")
def run(wheel, tmp_path_factory):
    """Return a function that runs `dsjax ARGUMENTS` of the wheel in an empty folder, and returns what it printed."""
    site, elsewhere = tmp_path_factory.mktemp("site"), tmp_path_factory.mktemp("elsewhere")
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-index", "--target", str(site)]
    subprocess.run([*pip, str(wheel)], check=True, capture_output=True)

    def call(*arguments):
        command = [sys.executable, str(site / "bin" / "dsjax"), *map(str, arguments)]
        done = subprocess.run(
            command,
            cwd=elsewhere,
            env=os.environ | {"PYTHONPATH": str(site)},
            text=True,
            capture_output=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    return call


def test_a_wheel_holds_what_the_package_needs(wheel):
    names = zipfile.ZipFile(wheel).namelist()
    tracked = {str(path.relative_to(ROOT)) for path in (ROOT / "dsjax").rglob("*") if path.is_file()}
    tracked = {name for name in tracked if "__pycache__" not in name}
    configs = {f"dsjax/{path.relative_to(ROOT)}" for path in (ROOT / "configs").rglob("*.toml")}
    assert tracked | configs <= set(names)
    assert wheel.name.startswith(f"dsjax-{dsjax.__version__}-")
    metadata = zipfile.ZipFile(wheel).read(f"dsjax-{dsjax.__version__}.dist-info/METADATA").decode()
    needed = [line for line in metadata.splitlines() if line.startswith("Requires-Dist") and "extra ==" not in line]
    assert sorted(line.split(": ")[1].split(">")[0] for line in needed) == ["jax", "jaxlib", "optax"]


def test_installed_it_trains_evaluates_and_compares(run):
    assert run("--version").strip() == dsjax.__version__
    sizes = ("--members", 2, "--steps", 60, "--round-steps", 30, "--evaluation.every", 0, "--backend", "sync")
    printed = run("train", "--config", "solve", *sizes, "--output", "run")
    assert "dsjax evaluate run" in printed
    assert "2 members" in run("compare", "run", "--output", "figures")
    assert "Every episode is in" in run("evaluate", "pretrained:ambler", "--episodes", 1, "--output", "scores.parquet")
