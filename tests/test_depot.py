import os
import shutil
import signal
import subprocess
import sys

import pytest
from conftest import ROOT
from test_local import SWEEP, assert_same_sweep, wait_until

from dsjax import depot
from dsjax.records import RunError


def test_a_folder_is_its_own_place(tmp_path):
    assert depot.working_copy(tmp_path) == tmp_path
    assert depot.address(tmp_path) is None
    depot.push(tmp_path, "job")  # nothing to do
    depot.fetch(tmp_path, "job")


@pytest.fixture
def place(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "machine"))
    return f"file://{tmp_path}/store/mine"


def test_what_is_pushed_is_fetched_whole(place, tmp_path):
    here = depot.working_copy(place)
    assert depot.address(here) == place
    run = here / "jobs" / "one"
    (run / "episodes").mkdir(parents=True)
    (run / "config.toml").write_text("a")
    (run / "episodes" / "1.parquet").write_text("b")
    (run / "episodes" / "2.parquet.tmp").write_text("half")
    depot.push(here, "one")
    (run / "config.toml").write_text("c")
    (run / "episodes" / "1.parquet").unlink()
    depot.push(here, "one")
    (run / "later").write_text("never pushed")
    shutil.rmtree(run / "episodes")
    depot.fetch(here, "one")
    assert {path.name: path.read_text() for path in run.rglob("*") if path.is_file()} == {"config.toml": "c"}


def test_a_push_that_is_cut_short_leaves_what_was_before(place, monkeypatch):
    here = depot.working_copy(place)
    (here / "jobs" / "one").mkdir(parents=True)
    for number in range(2):
        (here / "jobs" / "one" / f"{number}").write_text("old")
    depot.push(here, "one")
    (here / "jobs" / "one" / "2").write_text("new")
    storage = depot._storage(place)[0]
    monkeypatch.setattr(type(storage), "pipe_file", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
    with pytest.raises(KeyboardInterrupt):
        depot.push(here, "one")
    depot.fetch(here, "one")
    assert sorted(path.name for path in (here / "jobs" / "one").iterdir()) == ["0", "1"]


def test_storage_that_fsspec_does_not_know_is_said(place):
    with pytest.raises(RunError, match="nowhere://sweep: Protocol not known: nowhere"):
        depot.fetch(depot.working_copy("nowhere://sweep"), "one")


@pytest.mark.skip(reason="fails one time in five: a job that was killed with its machine is left untrained")
def test_a_sweep_goes_on_from_its_depot_on_another_machine(tmp_path):
    """Each "machine" has a cache of its own, and so a working copy of its own."""
    file = tmp_path / "small.toml"
    file.write_text(SWEEP)

    def sweep(machine, output):
        command = [sys.executable, str(ROOT / "scripts" / "sweep.py"), str(file), "--output", str(output)]
        # Programs compiled before are shared, whatever the machine.
        environment = os.environ | {"XDG_CACHE_HOME": str(tmp_path / machine)}
        return subprocess.Popen(
            command, cwd=ROOT, env=environment, start_new_session=True,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        )  # fmt: skip

    place = f"file://{tmp_path}/store/mine"
    first = sweep("one", place)
    tables = tmp_path / "store" / "mine" / "jobs" / "001-iros2018-adam" / "episodes"
    wait_until((tables / "round-000002.parquet").exists, first)
    os.kill(first.pid, signal.SIGKILL)
    first.communicate()
    second, whole = sweep("two", place), sweep("three", tmp_path / "whole")
    for process in (second, whole):
        output, _ = process.communicate(timeout=300)
        assert process.returncode == 0, output
    [copy] = [path for path in (tmp_path / "two" / "dsjax" / "sweeps").iterdir() if path.is_dir()]
    assert_same_sweep(tmp_path / "whole", copy)
    assert (tmp_path / "store" / "mine" / "status" / "001-iros2018-adam.json").exists()
