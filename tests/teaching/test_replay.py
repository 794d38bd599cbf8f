import json
import re
import shutil
from dataclasses import replace

import numpy as np
import pytest
from helpers import EARLY, assert_same_run, last_snapshot, tables

from dsjax.config import loading
from dsjax.errors import ConfigError, RunError
from dsjax.storage.tables import read_table
from dsjax.teaching.replay import replay
from dsjax.teaching.school import TaughtTrainer, taught_config
from dsjax.teaching.walkers import Gift
from dsjax.training.trainer import Trainer

CONFIG = taught_config(loading.build({**EARLY, "members": 1, "episodes": 0, "round_steps": 150}))
TASK_ALONE = Gift(0.0, True)


class Script:
    """A teacher who gives what a function of the round and its tick says, in rounds of given lengths."""

    def __init__(self, lengths, gift):
        self.lengths, self.gift, self.left = lengths, gift, list(lengths)
        self.over = False

    def begin_round(self, number):
        self.number, self.tick = number, 0
        self.length = self.left.pop(0)

    def give(self):
        self.tick += 1
        return self.gift(self.number, self.tick - 1)

    def see(self, moment):
        self.moment = moment

    def done(self):
        self.over = not self.left
        return self.tick + 1 == self.length


def whims(number, tick):
    """Return rewards and punishments for a while each, now and then beside the task's."""
    return Gift([0.0, 1.0, 0.0, -1.5, 0.1][tick // 20 % 5], tick % 70 > 50)


def teach(folder, lengths, gift=whims, resume=False, config=CONFIG):
    TaughtTrainer(config, folder, Script(lengths, gift)).run(resume)
    return folder


def test_a_lesson_computed_again_is_the_same_to_the_bit(tmp_path):
    run = teach(tmp_path / "run", [1, 150, 40])
    assert replay(run) == last_snapshot(run)[1]["tally.steps"][0] > 150
    rows = read_table(run, "lessons").to_pylist()
    assert [(row["round"], row["tick"]) for row in rows] == [
        (number, tick) for number, length in enumerate([1, 150, 40], start=1) for tick in range(length)
    ]
    assert all(Gift(row["given"], row["with_task"]) == whims(row["round"], row["tick"]) for row in rows)


def test_a_lesson_in_two_sessions_is_as_one(tmp_path):
    whole = teach(tmp_path / "whole", [60, 90, 30])
    parts = teach(tmp_path / "parts", [60])
    teach(parts, [90, 30], resume=True)
    assert_same_run(whole, parts)
    assert replay(parts) == replay(whole)


def test_without_a_person_it_is_an_ordinary_training(tmp_path):
    taught = teach(tmp_path / "taught", [150, 150], lambda number, tick: TASK_ALONE)
    Trainer(replace(CONFIG, steps=300), tmp_path / "trained").run()
    assert_same_run(taught, tmp_path / "trained", but="lessons")


def test_nothing_given_is_nothing_learned(tmp_path):
    idle = teach(tmp_path / "idle", [100], lambda number, tick: Gift(0.0, False))
    taught = teach(tmp_path / "taught", [100])
    name = next(name for name in last_snapshot(idle)[1] if name.endswith("synapses.center"))
    untrained = np.asarray(Trainer(CONFIG, tmp_path / "new").state.members.synapses.center)
    np.testing.assert_array_equal(last_snapshot(idle)[1][name], untrained)
    assert np.abs(last_snapshot(taught)[1][name] - untrained).max() > 1e-3


def test_the_tables_count_the_tasks_returns_whatever_is_given(tmp_path):
    run = teach(tmp_path / "run", [150], lambda number, tick: Gift(100.0, False))
    returns = read_table(run, "episodes")["return"].to_pylist()
    assert returns and max(returns) < 100  # what was given adds up to more than 10,000


def test_rounds_without_a_person_are_not_computed_again(tmp_path):
    run = teach(tmp_path / "run", [30])
    Trainer(replace(CONFIG, steps=330), run).run(resume=True)
    with pytest.raises(RunError, match="2 of its 3 rounds were trained without a person, the first of them round 2"):
        replay(run)


def test_a_run_whose_last_round_was_not_saved_is_computed_up_to_the_round_before(tmp_path):
    run = teach(tmp_path / "run", [30, 40, 50])
    steps = replay(teach(tmp_path / "shorter", [30, 40]))
    shutil.rmtree(run / "snapshots" / "3")  # as a kill would leave it, or a full disk
    assert replay(run) == steps


def test_limits_that_have_changed_say_nothing_of_what_was_taught(tmp_path):
    run = teach(tmp_path / "run", [80])
    teach(run, [30], resume=True, config=replace(CONFIG, steps=100, until_solved=True))
    assert replay(run) > 80


def test_a_record_that_was_tampered_with_is_noticed(tmp_path):
    run, other = teach(tmp_path / "run", [80]), teach(tmp_path / "other", [80], lambda number, tick: Gift(0.5, False))
    (run / "lessons" / "round-000001.parquet").write_bytes(tables(other)["lessons/round-000001.parquet"])
    with pytest.raises(RunError, match=re.escape("computed again, round 1 differs in ")):
        replay(run)


def test_a_folder_without_a_run_is_one_line(tmp_path):
    with pytest.raises(RunError, match="there is no run here"):
        replay(tmp_path)


def test_what_can_be_taught():
    assert (CONFIG.environment.backend, CONFIG.snapshots.every, CONFIG.evaluation.every) == ("sync", 1, 0)
    with pytest.raises(ConfigError, match="--members 2: one walker is taught at a time; use --members 1"):
        taught_config(replace(CONFIG, members=2))


def test_the_config_is_stored_as_it_was_taught(tmp_path):
    run = teach(tmp_path / "run", [5])
    assert loading.read_config(run / "config.toml") == CONFIG
    assert json.loads((run / "run.json").read_text())
