import errno
import json

import pytest

from dsjax import records
from dsjax.records import RunError

COLUMNS = {
    "round": [1, 1], "member": [0, 1], "episode": [0, 0], "step": [5, 9], "length": [5, 9], "return": [1.5, -2.0],
    "outcome": ["fell", "cut"],
}  # fmt: skip


def test_tables_come_back_in_order_and_a_round_replaces_itself(tmp_path):
    records.create(tmp_path / "run", "seed = 0\n")
    for number in (2, 1, 2):
        records.write_table(tmp_path / "run", "episodes", number, COLUMNS | {"round": [number] * 2})
    table = records.read_table(tmp_path / "run", "episodes")
    assert table["round"].to_pylist() == [1, 1, 2, 2]
    assert table["outcome"].to_pylist() == ["fell", "cut"] * 2


def test_equal_tables_are_equal_files(tmp_path):
    for name in ("a", "b"):
        records.create(tmp_path / name, "")
        records.write_table(tmp_path / name, "episodes", 1, COLUMNS)
    first, second = (tmp_path / name / "episodes" / "round-000001.parquet" for name in ("a", "b"))
    assert first.read_bytes() == second.read_bytes()


def test_a_run_is_never_overwritten(tmp_path):
    records.create(tmp_path / "run", "")
    with pytest.raises(RunError, match="already holds a run; choose another --output, or continue it with --resume"):
        records.create(tmp_path / "run", "")
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "thesis.tex").touch()
    with pytest.raises(RunError, match=r"other exists and is not empty; choose another --output$"):
        records.create(tmp_path / "other", "")


def test_no_run_is_one_line(tmp_path):
    with pytest.raises(RunError, match="there is no run here"):
        records.read_table(tmp_path, "episodes")


def test_sessions_are_listed(tmp_path):
    for command in ("first", "second"):
        records.add_session(tmp_path, command)
    sessions = json.loads((tmp_path / "run.json").read_text())["sessions"]
    assert [session["command"] for session in sessions] == ["first", "second"]
    assert sessions[0]["versions"]["jax"][0].isdigit()
    assert sessions[0]["cores"] >= 1


@pytest.fixture
def disk_of_64_kb(small_disk):
    return small_disk("64k")


def test_a_full_disk_leaves_whole_files_only(disk_of_64_kb):
    records.create(disk_of_64_kb / "run", "")
    many = {name: values * 500 for name, values in COLUMNS.items()} | {"return": [float(i) for i in range(1000)]}
    with pytest.raises(OSError) as caught:
        for number in range(100):
            records.write_table(disk_of_64_kb / "run", "episodes", number, many)
    assert caught.value.errno == errno.ENOSPC
    assert (
        records.explain_os_error(caught.value, "runs/x")
        == "runs/x: the disk is full; free some space, then go on with --resume"
    )
    table = records.read_table(disk_of_64_kb / "run", "episodes")
    assert len(table) == 1000 * number
    assert not list((disk_of_64_kb / "run" / "episodes").glob("*.tmp"))
