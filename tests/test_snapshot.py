import shutil

import numpy as np
import pytest

from dsjax import snapshot
from dsjax.snapshot import SnapshotError, Snapshots


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
    written = snapshot.FORMAT
    monkeypatch.setattr(snapshot, "FORMAT", written + 1)
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
    flat = snapshot.flatten(state)
    assert flat.keys() == {"a", "b.c"}
    again = snapshot.unflatten(flat, state)
    np.testing.assert_array_equal(again["b"]["c"], 1)
    with pytest.raises(SnapshotError, match=r"snapshot holds \(3,\) for a, where the config needs \(4,\)"):
        snapshot.unflatten(flat, state | {"a": np.zeros(4)})
