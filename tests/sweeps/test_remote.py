import hashlib
import os
import shutil
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from threading import Barrier

import pytest
from fsspec.implementations.local import LocalFileSystem
from helpers import ROOT, SWEEP, assert_same_sweep, run_script, wait_until

from dsjax.cli.branch import find_row
from dsjax.cli.train import parse_train
from dsjax.errors import RunError
from dsjax.storage.states import load_snapshot
from dsjax.sweeps import remote
from dsjax.sweeps.remote import Taken


def test_a_folder_is_its_own_place(tmp_path):
    assert remote.working_copy(tmp_path) == tmp_path
    assert remote.address(tmp_path) is None
    remote.push(tmp_path, "job")  # nothing to do
    remote.fetch(tmp_path, "job")


@pytest.fixture
def place(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "machine"))
    return f"file://{tmp_path}/store/mine"


def write(folder, **files):
    """Write files of the job "one"."""
    for name, text in files.items():
        path = folder / "jobs" / "one" / name.replace("__", "/")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def written(folder):
    run = folder / "jobs" / "one"
    return {path.relative_to(run).as_posix(): path.read_text() for path in run.rglob("*") if path.is_file()}


def elsewhere(place, monkeypatch, tmp_path):
    """Return the working copy of another machine."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "elsewhere"))
    return remote.working_copy(place)


@pytest.mark.parametrize("storage", ["file", "memory"])
def test_what_is_pushed_is_fetched_whole(place, tmp_path, storage):
    place = place.replace("file:", f"{storage}:")
    here = remote.working_copy(place)
    assert remote.address(here) == place
    write(here, config="a", episodes__1="b", snapshots__1__data="c")
    (here / "jobs" / "one" / "episodes" / "2.tmp").write_text("half")
    remote.push(here, "one")
    write(here, config="d")
    (here / "jobs" / "one" / "episodes" / "1").unlink()
    remote.push(here, "one")
    write(here, later="never pushed", snapshots__2__data="neither")
    shutil.rmtree(here / "jobs" / "one" / "episodes")
    remote.fetch(here, "one")
    assert written(here) == {"config": "d", "snapshots/1/data": "c"}
    assert sorted(path.name for path in (here / "jobs" / "one" / "snapshots").iterdir()) == ["1"]


def test_jobs_that_begin_at_once_agree_on_their_working_copy(place):
    barrier = Barrier(4)

    def begin(number):
        barrier.wait()
        return remote.working_copy(f"{place}{number}")

    with ThreadPoolExecutor(4) as pool:
        for number in range(20):
            copies = list(pool.map(begin, [number] * 4))
            assert {remote.address(copy) for copy in copies} == {f"{place}{number}"}


@pytest.mark.parametrize("broken", ["put_file", "link"])
def test_a_push_that_is_cut_short_leaves_what_was_before(place, monkeypatch, broken):
    here = remote.working_copy(place)
    write(here, config="old", run="old")
    remote.push(here, "one")
    write(here, config="new", later="new")
    with monkeypatch.context() as patched, pytest.raises(KeyboardInterrupt):
        where = os if broken == "link" else LocalFileSystem
        patched.setattr(where, broken, lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        remote.push(here, "one")
    (here / "jobs" / "one" / "run").write_text("changed since")
    remote.fetch(here, "one")
    assert written(here) == {"config": "old", "run": "old"}


def test_a_file_that_a_kill_cut_short_is_written_again(place, tmp_path):
    here = remote.working_copy(place)
    write(here, config="whole")
    half = tmp_path / "store" / "mine" / "jobs" / "one" / "config" / hashlib.sha256(b"whole").hexdigest()
    half.parent.mkdir(parents=True)
    half.write_text("who")
    remote.push(here, "one")
    assert half.read_text() == "whole"


def test_a_damaged_file_is_said(place, tmp_path):
    here = remote.working_copy(place)
    write(here, config="whole")
    remote.push(here, "one")
    [file] = (tmp_path / "store" / "mine" / "jobs" / "one" / "config").iterdir()
    file.write_text("other")
    (here / "jobs" / "one" / "config").unlink()
    with pytest.raises(RunError, match="jobs/one/config: damaged in the depot"):
        remote.fetch(here, "one")


def test_what_no_index_names_any_more_is_deleted_one_push_later(place, tmp_path):
    here, store = remote.working_copy(place), tmp_path / "store" / "mine" / "jobs" / "one" / "config"
    for text, versions in (("a", 1), ("b", 2), ("c", 2), ("d", 2)):
        write(here, config=text)
        remote.push(here, "one")
        assert len(list(store.iterdir())) == versions


def test_a_machine_that_was_thought_lost_changes_nothing(place, tmp_path, monkeypatch):
    here = remote.working_copy(place)
    remote.take(here, "one")
    write(here, config="a")
    remote.push(here, "one")
    there = elsewhere(place, monkeypatch, tmp_path)
    assert there != here
    remote.take(there, "one")
    write(here, config="of the lost one")
    with pytest.raises(Taken, match=f"one has been taken over, and is trained on .*{there}"):
        remote.push(here, "one")
    remote.fetch(there, "one")
    assert written(there) == {"config": "a"}


def test_only_what_is_wanted_is_pushed_and_fetched(place, tmp_path, monkeypatch):
    """A parent that notes a failure knows nothing of the state of the run's files."""
    here = remote.working_copy(place)
    write(here, config="a", snapshots__1__data="b")
    remote.push(here, "one")
    write(here, config="half-fetched")
    (here / "status").mkdir()
    (here / "status" / "one.json").write_text("failed")
    remote.push(here, "one", remote.is_status)
    there = elsewhere(place, monkeypatch, tmp_path)
    remote.fetch(there, "one", remote.is_status)
    assert (there / "status" / "one.json").read_text() == "failed"
    assert written(there) == {}
    remote.fetch(there, "one", remote.is_record)
    assert written(there) == {"config": "a"}


def test_storage_that_fsspec_does_not_know_is_said(place):
    with pytest.raises(RunError, match="nowhere://sweep: Protocol not known: nowhere"):
        remote.fetch(remote.working_copy("nowhere://sweep"), "one")
    with pytest.raises(RunError, match="mine: there is no sweep here"):
        remote.reading_copy(place)


@pytest.fixture
def kept(small_sweep, place):
    """Return the depot of a finished sweep."""
    here = shutil.copytree(small_sweep, remote.working_copy(place), dirs_exist_ok=True)
    for name in (remote.SWEEP, *(path.name for path in (here / "jobs").iterdir())):
        remote.push(here, name)
    return place


def test_reading_leaves_a_working_copy_as_it_is(kept):
    here = remote.working_copy(kept)
    [*_, job] = (here / "jobs").iterdir()
    (job / "since").write_text("the last push")
    assert remote.copy_records(here) == here
    find_row(here, 0, 0)
    find_row(here, 1, 0)
    assert (job / "since").exists()
    assert remote.copy_records(kept) != here


def test_a_sweep_in_a_depot_is_compared(kept, small_sweep, tmp_path):
    status, output = run_script("compare.py", kept, "--output", tmp_path / "figures")
    assert status == 0, output
    status, output = run_script("compare.py", small_sweep, "--output", tmp_path / "same")
    assert status == 0, output
    assert (tmp_path / "figures" / "points.csv").read_bytes() == (tmp_path / "same" / "points.csv").read_bytes()


def test_a_member_in_a_depot_is_trained_again_or_branched_from(kept, small_sweep):
    for flag in ("--from", "--branch"):
        there, here = (
            parse_train([flag, str(place), "--point", "3", "--member", "1"]) for place in (kept, small_sweep)
        )
        assert there.output == Path("runs") / f"mine-{flag[2:]}-point3-member1"
        assert replace(there.settings, parent=here.settings.parent) == here.settings
    arrays = load_snapshot(Path(there.settings.parent.run), there.settings.parent.round)
    assert arrays.keys() == load_snapshot(Path(here.settings.parent.run), 2).keys()


@pytest.mark.slow
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
    # The job that begins first: with one core the other has yet to begin, with more it is under way as well.
    tables = tmp_path / "store" / "mine" / "jobs" / "000-iros2018-sgd" / "episodes"
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


@pytest.mark.parametrize("storage", ["file", "memory"])
def test_of_two_who_push_at_the_same_moment_one_is_refused(place, tmp_path, monkeypatch, storage):
    """Both have read the same index; between the look at it and the writing of the next, the other one took the job."""
    place = place.replace("file:", f"{storage}:")
    here = remote.working_copy(place)
    there = elsewhere(place, monkeypatch, tmp_path)
    remote.take(here, "one")
    write(here, a="mine")
    create, moments = remote._create_index, []

    def taken_meanwhile(*arguments):
        if not moments:
            moments.append(1)
            remote.take(there, "one")
            write(there, a="theirs")
            remote.push(there, "one")
        return create(*arguments)

    monkeypatch.setattr(remote, "_create_index", taken_meanwhile)
    with pytest.raises(Taken, match="one has been taken over, and is trained on "):
        remote.push(here, "one")
    monkeypatch.setattr(remote, "_create_index", create)
    remote.take(here, "one")
    assert written(here) == {"a": "theirs"}


def test_however_many_take_and_push_at_once_no_push_that_counts_is_lost(place, tmp_path, monkeypatch):
    """Each takes the job, adds a file of its own and pushes: who is not refused finds the file in all that follow."""
    copies = []
    for number in range(4):
        monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / f"machine-{number}"))
        copies.append(remote.working_copy(place))
    barrier, counted = Barrier(len(copies)), []

    def work(number):
        for turn in range(6):
            barrier.wait()
            remote.take(copies[number], "one")
            write(copies[number], **{f"{number}-{turn}": "x"})
            try:
                remote.push(copies[number], "one")
            except Taken:
                continue
            counted.append(f"{number}-{turn}")

    with ThreadPoolExecutor(len(copies)) as pool:
        list(pool.map(work, range(len(copies))))
    remote.take(copies[0], "one")
    assert set(counted) <= set(written(copies[0]))
    assert len(counted) >= 6  # in every turn there is a last one to take it


def test_an_index_that_a_kill_cut_short_counts_for_nothing(place, tmp_path):
    here = remote.working_copy(place)
    remote.take(here, "one")
    write(here, a="1")
    remote.push(here, "one")
    folder = tmp_path / "store" / "mine" / "index"
    newest = sorted(folder.iterdir())[-1]
    (folder / "one.000000009.json").write_text(newest.read_text()[:20])
    write(here, b="2")
    remote.push(here, "one")
    assert (folder / "one.000000010.json").exists()
    remote.take(here, "one")
    assert written(here) == {"a": "1", "b": "2"}


def test_a_depot_without_a_chain_is_read(place, tmp_path):
    here = remote.working_copy(place)
    remote.take(here, "one")
    write(here, a="1")
    remote.push(here, "one")
    folder = tmp_path / "store" / "mine" / "index"
    newest = sorted(folder.iterdir())[-1].read_text()
    for path in folder.iterdir():
        path.unlink()
    (folder / "one.json").write_text(newest)
    (here / "jobs" / "one" / "a").unlink()
    remote.take(here, "one")
    assert written(here) == {"a": "1"}


def test_two_copies_of_the_same_machine_name_and_path_are_told_apart(place, tmp_path, monkeypatch):
    """As two containers are, whose caches are not shared."""
    here = remote.working_copy(place)
    owner = remote._owner(here)
    assert remote._owner(here) == owner
    Path(f"{here}.owner").unlink()  # the other container's
    assert remote._owner(here) != owner


def test_locks_and_what_is_being_written_stay_on_their_machine(place, tmp_path):
    here = remote.working_copy(place)
    remote.take(here, "one")
    write(here, a="1", **{".lock": "", ".lock-holder": "{}", ".a.0f.tmp": "half"})
    remote.push(here, "one")
    pushed = [path.parent.name for path in (tmp_path / "store" / "mine" / "jobs").rglob("*") if path.is_file()]
    assert pushed == ["a"]
    remote.take(here, "one")
    assert ".lock" in written(here)
