"""The published numbers of `solve` come out of the runs that are kept beside them."""

import csv
import tarfile

import numpy as np
import pytest
from helpers import ROOT

from dsjax.analysis.comparison import compare
from dsjax.analysis.summary import member_rows
from dsjax.config.loading import read_config
from dsjax.storage.states import latest_round, load_snapshot, restored


@pytest.fixture(scope="module")
def kept(tmp_path_factory):
    folder = tmp_path_factory.mktemp("kept")
    with tarfile.open(ROOT / "docs" / "runs" / "solve.tar.xz") as archive:
        archive.extractall(folder, filter="data")
    return [folder / "solve0", folder / "solve1"]


def test_they_can_go_on(kept):
    for run, first in zip(kept, (0, 8), strict=True):
        config = read_config(run / "config.toml")
        assert (config.members, config.first_member, config.steps) == (8, first, 8_000_000)
        state = restored(config, load_snapshot(run, latest_round(run)))
        assert int(state.tick) > 8_000_000
        assert np.asarray(state.running).all()


def test_the_table_of_members_is_theirs(kept):
    with open(ROOT / "docs" / "results.csv", newline="") as file:
        published = [row for row in csv.DictReader(file) if row["group"] == "solve"]
    assert [int(row["identity"]) for row in published] == list(range(16))
    found = member_rows(compare(kept, labels=["solve"]))
    for row, theirs in zip(published, found, strict=True):
        for name in ("steps", "frozen_episodes", "frozen_solved_step", "training_solved_step"):
            assert int(row[name]) == theirs[name], name
        for name in ("frozen_mean", "frozen_worst", "fall_rate", "amplitude"):
            assert float(row[name]) == pytest.approx(theirs[name], rel=1e-6), name
