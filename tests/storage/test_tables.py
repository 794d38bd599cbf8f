import errno
import json
import os
import subprocess
import sys
from pathlib import Path

import pyarrow as pa
import pytest

from dsjax.errors import RunError, explain_os_error
from dsjax.storage.atomic import (
    TEMPORARY,
    clear_temporaries,
    make_folder,
    names_in,
    refuse_taken,
    write_text,
    write_whole,
)
from dsjax.storage.metadata import add_session
from dsjax.storage.tables import discard_after, read_table, write_parquet, write_table

COLUMNS = {
    "round": [1, 1], "member": [0, 1], "episode": [0, 0], "step": [5, 9], "length": [5, 9], "return": [1.5, -2.0],
    "outcome": ["fell", "cut"],
}  # fmt: skip


@pytest.fixture
def new_run(tmp_path):
    """Return a function that makes a run's folder."""

    def make(folder):
        make_folder(folder)
        write_text(folder / "config.toml", "seed = 0\n")
        return folder

    return make


def test_tables_come_back_in_order_and_a_round_replaces_itself(tmp_path, new_run):
    new_run(tmp_path / "run")
    for number in (2, 1, 2):
        write_table(tmp_path / "run", "episodes", number, COLUMNS | {"round": [number] * 2})
    table = read_table(tmp_path / "run", "episodes")
    assert table["round"].to_pylist() == [1, 1, 2, 2]
    assert table["outcome"].to_pylist() == ["fell", "cut"] * 2


def test_equal_tables_are_equal_files(tmp_path, new_run):
    for name in ("a", "b"):
        new_run(tmp_path / name)
        write_table(tmp_path / name, "episodes", 1, COLUMNS)
    first, second = (tmp_path / name / "episodes" / "round-000001.parquet" for name in ("a", "b"))
    assert first.read_bytes() == second.read_bytes()


def test_a_run_is_never_overwritten(tmp_path, new_run):
    new_run(tmp_path / "run")
    with pytest.raises(RunError, match="already holds a run; choose another --output, or continue it with --resume"):
        refuse_taken(tmp_path / "run")
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "thesis.tex").touch()
    with pytest.raises(RunError, match=r"other exists and is not empty; choose another --output$"):
        refuse_taken(tmp_path / "other")


def test_no_run_is_one_line(tmp_path):
    with pytest.raises(RunError, match="there is no run here"):
        read_table(tmp_path, "episodes")


def test_sessions_are_listed(tmp_path):
    for command in ("first", "second"):
        assert add_session(tmp_path, command, {"precision": "float32"}) == {}
    sessions = json.loads((tmp_path / "run.json").read_text())["sessions"]
    assert [session["command"] for session in sessions] == ["first", "second"]
    assert sessions[0]["versions"]["jax"][0].isdigit()
    assert sessions[0]["cores"] >= 1


def test_what_decides_the_bits_is_compared_with_the_session_before(tmp_path):
    add_session(tmp_path, "first", {"precision": "float32", "platform": "cpu"})
    about = json.loads((tmp_path / "run.json").read_text())
    jax, about["sessions"][0]["versions"]["jax"] = about["sessions"][0]["versions"]["jax"], "0.0.1"
    about["sessions"][0]["versions"]["pyarrow"] = "0.0.1"  # decides nothing
    (tmp_path / "run.json").write_text(json.dumps(about))
    changes = add_session(tmp_path, "second", {"precision": "float32", "platform": "gpu"})
    assert changes == {"jax": ("0.0.1", jax), "platform": ("cpu", "gpu")}


def test_temporary_files_are_hidden_from_those_who_read_and_do_not_meet(tmp_path):
    """Two writers of one file at the same moment: readers see a whole one, and nothing else."""
    seen = []

    def write(temporary, text):
        temporary.write_text(text)
        seen.append(temporary.name)
        if text == "first":
            write_whole(tmp_path / "round-000001.parquet", lambda path: write(path, "second"))
            assert (tmp_path / "round-000001.parquet").read_text() == "second"
        assert not list(tmp_path.glob("round*.tmp"))

    write_whole(tmp_path / "round-000001.parquet", lambda path: write(path, "first"))
    assert [path.name for path in tmp_path.iterdir()] == ["round-000001.parquet"]
    assert (tmp_path / "round-000001.parquet").read_text() == "first"
    assert len(set(seen)) == 2 and all(name.startswith(".") for name in seen)


def test_a_file_is_on_the_disk_with_its_name(tmp_path, monkeypatch):
    """After a rename the folder is synced too, and a new folder's own name in the one above."""
    synced = []
    monkeypatch.setattr(os, "fsync", lambda number: synced.append(Path(f"/proc/self/fd/{number}").readlink()))
    write_parquet(tmp_path / "run" / "episodes" / "round-000001.parquet", pa.table({"a": [1]}))
    assert synced[:2] == [tmp_path, tmp_path / "run"]
    assert synced[2].name.endswith(TEMPORARY)
    assert synced[3:] == [tmp_path / "run" / "episodes"]


def test_what_a_killed_writer_left_is_cleared(tmp_path):
    (tmp_path / "episodes").mkdir()
    for name in ("episodes/.round-000001.parquet.0a.tmp", ".run.json.1b.tmp", "episodes/round-000001.parquet"):
        (tmp_path / name).touch()
    assert names_in(tmp_path) == ["episodes"]
    clear_temporaries(tmp_path)
    assert [path.name for path in tmp_path.rglob("*") if path.is_file()] == ["round-000001.parquet"]


def test_later_rounds_are_discarded(tmp_path):
    kept = ["members/round-000002.parquet", "scores/round-000002-centers-test-v1.parquet", "figures/round-000009.png"]
    later = ["members/round-000003.parquet", "scores/round-000010-centers-test-v1.parquet"]
    for name in kept + later:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    discard_after(tmp_path, 2)
    assert sorted(str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*.p*")) == sorted(kept)


def test_reading_a_table_loads_neither_walkers_nor_jax():
    heavy = ("jax", "gymnasium", "Box2D", "orbax")
    code = f"import sys, dsjax.storage.tables; print([m for m in {heavy} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.fixture
def disk_of_64_kb(small_disk):
    return small_disk("64k")


def test_a_full_disk_leaves_whole_files_only(disk_of_64_kb, new_run):
    new_run(disk_of_64_kb / "run")
    many = {name: values * 500 for name, values in COLUMNS.items()} | {"return": [float(i) for i in range(1000)]}
    with pytest.raises(OSError) as caught:
        for number in range(100):
            write_table(disk_of_64_kb / "run", "episodes", number, many)
    assert caught.value.errno == errno.ENOSPC
    assert explain_os_error(caught.value).endswith(".parquet: the disk is full; free some space, then try again")
    table = read_table(disk_of_64_kb / "run", "episodes")
    assert len(table) == 1000 * number
    assert not list((disk_of_64_kb / "run" / "episodes").glob(".*"))
