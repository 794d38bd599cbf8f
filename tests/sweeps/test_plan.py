import pytest

from dsjax.errors import ConfigError
from dsjax.sweeps.plan import make_plan
from dsjax.sweeps.spec import Sweep

BASE = {"environment": {"workers": 1}}
MIXED = {"learning.learning_rate": [1e-5, 1e-4], "learning.optimizer": ["sgd", "adam"], "synapse.period": [9000, 8000]}


def made(grid, **values):
    return make_plan(Sweep(base=BASE, grid=grid, **values), "mine")


def test_points_that_differ_in_numbers_share_a_job():
    found = made(MIXED, seeds=2)
    assert [job.name for job in found.jobs] == ["000-iros2018-sgd", "001-iros2018-adam"]
    assert [job.points for job in found.jobs] == [(0, 1, 4, 5), (2, 3, 6, 7)]
    for job in found.jobs:
        assert job.config.rows == 8
        for number, point in enumerate(job.points):
            row, wanted = job.config.row(2 * number + 1), found.points[point]
            assert row.first_member == 1
            assert row.learning.learning_rate == wanted["learning.learning_rate"]
            assert row.learning.optimizer == wanted["learning.optimizer"]
            assert row.synapse.period == wanted["synapse.period"]


def test_presets_bring_their_own_numbers():
    found = made({"preset": ["iros2018", "readme"]})
    assert [job.config.learning.learning_rate for job in found.jobs] == [1.2e-5, 1.2e-4]
    assert [job.config.rows for job in found.jobs] == [8, 8]


def test_a_job_has_no_more_rows_than_asked_unless_a_point_has():
    grid = {"synapse.amplitude": [0.1, 0.2, 0.3, 0.4, 0.5]}
    assert [job.points for job in made(grid, seeds=4, rows=8).jobs] == [(0, 1), (2, 3), (4,)]
    assert [job.points for job in made(grid, seeds=4, rows=2).jobs] == [(0,), (1,), (2,), (3,), (4,)]


def test_every_point_and_member_is_found():
    found = made(MIXED, seeds=2)
    job, row = found.find(5, 1)
    assert (job.name, row) == ("000-iros2018-sgd", 7)
    with pytest.raises(ConfigError, match="--point 8: points are 0 to 7"):
        found.find(8, 0)
    with pytest.raises(ConfigError, match="--member 2: members of a point are 0 to 1"):
        found.find(0, 2)


def test_shards_share_out_the_jobs():
    found = made({"learning.optimizer": ["sgd", "adam", "momentum"]})
    shares = [found.shard(f"{number}/2").jobs for number in range(2)]
    assert shares == [found.jobs[::2], found.jobs[1::2]]
    for wrong in ("2/2", "1", "-1/2", "0/0", "a/b"):
        with pytest.raises(ConfigError, match="must be i/n with i from 0 to n - 1"):
            found.shard(wrong)
