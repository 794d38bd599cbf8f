import json

import jax
import numpy as np
import pytest
from helpers import Stop, assert_same_run

from dsjax.config import loading
from dsjax.evaluation.controllers import load_controllers
from dsjax.storage.states import untrained
from dsjax.storage.tables import read_table
from dsjax.training import restart
from dsjax.training.episode_stats import EpisodeStats
from dsjax.training.trainer import Trainer

AFTER = 500
TINY = {
    "members": 3, "steps": 1600, "round_steps": 200, "environment": {"backend": "sync"}, "evaluation": {"every": 0},
    "restart": {"after": AFTER, "below": 0.0},
}  # fmt: skip


def tiny(**changes):
    return loading.build(TINY | changes)


def test_who_is_old_enough_poor_and_not_solved_starts_over():
    stats = EpisodeStats(7)
    #                      young  poor  good  rests  solved  new  none ended
    stats.steps = np.array([499,  500,  500,  500,   500,   900,  500])  # fmt: skip
    stats.began[5], stats.frozen_solved_step[4] = 401, 100
    stats.recent[:6, -1] = [-90.0, -90.0, 10.0, -90.0, -90.0, -90.0]
    training = np.arange(7) != 3
    assert np.flatnonzero(restart.due(tiny(), stats, training)).tolist() == [1]
    assert not restart.due(tiny(restart={"after": 0}), stats, training).any()


def test_who_starts_over_is_drawn_otherwise_every_time_and_no_other_changes():
    config = tiny()
    state, who = untrained(config), np.array([False, True, False])
    once, twice = (restart.renewed(config, state, np.array([0, times, 0]), who) for times in (1, 2))
    for old, new in zip(jax.tree.leaves(state.members), jax.tree.leaves(once.members), strict=True):
        np.testing.assert_array_equal(new[~who], old[~who])
        assert (new.dtype, new.shape) == (old.dtype, old.shape)
    np.testing.assert_array_equal(once.key, state.key)
    centers = [each.members.synapses.center[1] for each in (state, once, twice)]
    for first, second in ((0, 1), (0, 2), (1, 2)):
        assert np.abs(centers[first] - centers[second]).max() > 0.05


def test_a_member_that_starts_over_counts_on(tmp_path):
    trainer = Trainer(tiny(), tmp_path / "run")
    trainer.run()
    events = [json.loads(line) for line in (tmp_path / "run" / "events.jsonl").read_text().splitlines()]
    mine = [event for event in events if event["member"] == 0]
    assert [(event["event"], event["restarts"]) for event in mine] == [("member starts over", n + 1) for n in range(2)]
    assert AFTER <= mine[0]["step"] < AFTER + 200 < mine[1]["step"]
    assert trainer.stats.restarts[0] == 2
    assert trainer.stats.steps[0] > 1500
    rows = [row for row in read_table(tmp_path / "run", "members").to_pylist() if row["member"] == 0]
    begun = [row["step"] for row in rows if row["drift"] == 0]
    assert begun == [mine[0]["step"], mine[1]["step"]]
    first = load_controllers(tmp_path / "run").untrained_centers()
    assert not np.array_equal(first[0], np.asarray(untrained(trainer.config).members.synapses.center)[0])


def test_a_run_whose_members_start_over_resumes_to_the_same_bits(tmp_path):
    Trainer(tiny(), tmp_path / "whole").run()
    with pytest.raises(KeyboardInterrupt):
        Trainer(tiny(), tmp_path / "parts", [Stop(4, 100)]).run()
    Trainer(tiny(), tmp_path / "parts").run(resume=True)
    assert_same_run(tmp_path / "whole", tmp_path / "parts")
