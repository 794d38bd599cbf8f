import logging
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from dsjax.storage import snapshots
from dsjax.storage.snapshots import FORMAT, SnapshotError, Snapshots, flatten, unflatten


def arrays(number):
    rng = np.random.default_rng(number)
    return {
        "members.synapses.center": rng.normal(size=(3, 438)).astype(np.float32),
        "tally.steps": np.arange(3) + number,
        "running": np.array([True, False, True]),
        "tally.rounds": np.array(number),
    }


@pytest.fixture
def saved(tmp_path):
    """A folder with snapshots of rounds 0 to 6, every third kept, round 2 the best."""
    snapshots = Snapshots(tmp_path, keep_every=3, training=True)
    for number in range(7):
        snapshots.save(number, arrays(number), {0: -100.0, 2: 50.0, 4: 20.0}.get(number))
    snapshots.close()
    return tmp_path


def test_latest_best_and_every_nth_are_kept(saved):
    snapshots = Snapshots(saved)
    assert snapshots.numbers() == [0, 2, 3, 5, 6]
    assert snapshots.best() == 2


def test_arrays_come_back_bit_for_bit(saved):
    loaded = Snapshots(saved).load(6)
    assert loaded.keys() == arrays(6).keys()
    for name, value in arrays(6).items():
        np.testing.assert_array_equal(loaded[name], value)
        assert loaded[name].dtype == value.dtype


def test_absent_snapshot_names_those_there(saved):
    with pytest.raises(SnapshotError, match="no snapshot of round 4; there are: 0, 2, 3, 5, 6"):
        Snapshots(saved).load(4)


def largest_files(folder):
    return sorted((path for path in folder.rglob("*") if path.is_file()), key=lambda path: -path.stat().st_size)


def test_truncated_snapshot_offers_the_one_before(saved):
    for path in largest_files(saved / "snapshots" / "6")[:3]:
        path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(SnapshotError, match=r"snapshot 6 in .* is damaged: .*add --snapshot 5"):
        Snapshots(saved).load(6)


def test_flipped_bits_are_noticed(saved):
    path = largest_files(saved / "snapshots" / "6")[0]
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 0xFF
    path.write_bytes(data)
    with pytest.raises(SnapshotError, match="is damaged"):
        Snapshots(saved).load(6)


def test_other_format_is_refused_by_name(saved, monkeypatch):
    written = FORMAT
    monkeypatch.setattr(snapshots, "FORMAT", written + 1)
    told = rf"snapshot 6 in .* has format {written}, written by dsjax .* reads format {written + 1}; use the code"
    with pytest.raises(SnapshotError, match=told):
        Snapshots(saved).load(6)


def test_half_written_snapshots_are_not_listed(saved):
    shutil.copytree(saved / "snapshots" / "6", saved / "snapshots" / "7.orbax-checkpoint-tmp")
    assert Snapshots(saved).numbers()[-1] == 6
    snapshots = Snapshots(saved, training=True)
    snapshots.save(7, arrays(7))
    snapshots.close()
    np.testing.assert_array_equal(Snapshots(saved).load(7)["tally.steps"], arrays(7)["tally.steps"])


def test_later_snapshots_can_be_discarded(saved):
    snapshots = Snapshots(saved, training=True)
    snapshots.discard_after(3)
    assert snapshots.numbers() == [0, 2, 3]


def test_unflatten_needs_the_same_shapes():
    state = {"a": np.zeros(3, np.float32), "b": {"c": np.ones(2, np.float32)}}
    flat = flatten(state)
    assert flat.keys() == {"a", "b.c"}
    again = unflatten(flat, state)
    np.testing.assert_array_equal(again["b"]["c"], 1)
    with pytest.raises(SnapshotError, match=r"snapshot holds \(3,\) for a, where the config needs \(4,\)"):
        unflatten(flat, state | {"a": np.zeros(4)})


def test_unflatten_refuses_another_precision(float64):
    state = {"a": np.zeros(3)}
    with pytest.raises(SnapshotError, match=r"holds float32 for a, where float64 is computed; unset JAX_ENABLE_X64"):
        unflatten({"a": np.zeros(3, np.float32)}, state)


NASTY = ("br[1]", "star*?", "it's", 'say "x"', "a & b", "räume Ω", "-dash", "[red]x", "$HOME")


@pytest.mark.parametrize("name", NASTY)
def test_a_folder_may_have_any_name(tmp_path, name):
    snapshots = Snapshots(tmp_path / name, training=True)
    for number in range(3):
        snapshots.save(number, arrays(number))
    snapshots.discard_after(1)
    snapshots.close()
    again = Snapshots(tmp_path / name)
    assert again.numbers() == [0, 1]
    for key, value in arrays(1).items():
        np.testing.assert_array_equal(again.load(1)[key], value)
    again.close()
    assert [path.name for path in tmp_path.iterdir()] == [name]


def test_what_others_log_is_heard(saved, caplog):
    """Only what orbax logs is left out, and only while snapshots are open."""
    before = [list(logging.getLogger(name).filters) for name in ("", "absl", "asyncio")]
    snapshots = Snapshots(saved)
    logging.getLogger("absl").error("theirs")
    snapshots.close()
    assert [record.message for record in caplog.records] == ["theirs"]
    assert [logging.getLogger(name).filters for name in ("", "absl", "asyncio")] == before


@pytest.mark.parametrize("damage", ["emptied", "halved", "without data", "without metadata"])
def test_a_damaged_snapshot_is_told_without_a_traceback(saved, damage):
    """Nothing that orbax, asyncio or tensorstore's threads say of it reaches the user: in a process, to its end."""
    for path in largest_files(saved / "snapshots" / "6"):
        if damage == "without metadata":
            path.unlink() if "METADATA" in path.name else None
        elif damage == "without data":
            path.unlink() if path.name == "manifest.ocdbt" else None
        else:
            path.write_bytes(path.read_bytes()[: path.stat().st_size // 2 if damage == "halved" else 0])
    code = (
        "import sys; from dsjax.cli import entry; from dsjax.storage.snapshots import Snapshots\n"
        f"entry.run(lambda: Snapshots({str(saved)!r}).load(6))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
    line = done.stderr.splitlines()[-1]
    assert re.match(r"error: snapshot 6 in .* is damaged: .*; to use the one before it, add --snapshot 5", line)


def test_a_snapshot_is_on_the_disk_when_it_is_said_to_be(tmp_path, monkeypatch):
    """Every file and folder of it, and the name of the folder."""
    synced = set()
    monkeypatch.setattr(os, "fsync", lambda number: synced.add(str(Path(f"/proc/self/fd/{number}").readlink())))
    snapshots = Snapshots(tmp_path, training=True)
    snapshots.save(0, arrays(0))
    snapshots.wait()
    written = {str(path) for path in (tmp_path / "snapshots").rglob("*")}
    snapshots.close()
    assert written | {str(tmp_path / "snapshots")} <= synced
