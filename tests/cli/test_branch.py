import re
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from dsjax.cli.branch import branch_seed, find_row
from dsjax.cli.train import parse_train
from dsjax.config.loading import build
from dsjax.errors import ConfigError, RunError
from dsjax.storage.branching import best_of_groups, initial_state
from dsjax.storage.snapshots import Snapshots
from dsjax.storage.states import load_snapshot
from dsjax.storage.tables import read_table
from dsjax.sweeps.plan import read_plan
from dsjax.training.trainer import Trainer


def parse(*arguments):
    return parse_train([str(argument) for argument in arguments])


def rows_of(folder, name, row, as_row=0):
    return [each | {"member": as_row} for each in read_table(folder, name).to_pylist() if each["member"] == row]


def test_a_point_of_a_sweep_trains_alike_alone(small_sweep, tmp_path):
    command = parse("--from", small_sweep, "--point", 3, "--member", 1, "--output", tmp_path / "alone")
    Trainer(command.settings, command.output).run()
    job, row = read_plan(small_sweep).find(3, 1)
    assert command.settings.synapse.amplitude == 0.2
    assert not command.settings.learning.repulsive
    for name in ("episodes", "members", "evaluations"):
        assert rows_of(command.output, name, 0) == rows_of(job.folder(small_sweep), name, row) != []


def test_rows_are_named_by_point_and_member(small_sweep, small_runs):
    command = parse("--from", small_sweep, "--point", 3, "--member", 1)
    assert str(command.output) == "runs/small-from-point3-member1"
    assert find_row(small_runs / "a", 0, 2).config().first_member == 2
    with pytest.raises(RunError, match="has no member 3 at point 0; it has members 0 to 2 at points 0 to 0"):
        find_row(small_runs / "a", 0, 3)
    with pytest.raises(ConfigError, match="--point 6: points are 0 to 5"):
        parse("--from", small_sweep, "--point", 6)
    with pytest.raises(ConfigError, match="--from and --config each say what to start from; leave one out"):
        parse("--from", small_sweep, "--config", "configs/demo.toml")
    with pytest.raises(RunError, match="there is no run here"):
        parse("--branch", "runs/absent")


@pytest.fixture
def branch(small_runs, tmp_path):
    flags = ("--branch", small_runs / "a", "--member", 1, "--members", 3, "--learning.learning-rate", "1e-3")
    limits = ("--steps", 600, "--episodes", 0, "--evaluation.every", 0)
    command = parse(*flags, *limits, "--output", tmp_path / "branch")
    Trainer(command.settings, command.output).run()
    return command


def test_a_branch_begins_with_copies_of_one_trained_member(small_runs, branch):
    settings = branch.settings
    assert (settings.parent.run, settings.parent.member, settings.parent.round) == (str(small_runs / "a"), 1, 4)
    assert (settings.seed, settings.rows, settings.learning.learning_rate) == (branch_seed(29), 3, 1e-3)
    parent, first = (load_snapshot(*which) for which in ((small_runs / "a", 4), (branch.output, 0)))
    for name in parent:
        if name.startswith("members."):
            np.testing.assert_array_equal(first[name], np.repeat(parent[name][1:2], 3, axis=0), err_msg=name)
    assert len(np.unique(first["key"], axis=0)) == 3
    assert not (first["key"] == parent["key"]).all(axis=1).any()
    # On random streams and terrains of their own they go different ways.
    one, other = (rows_of(branch.output, "episodes", row) for row in (0, 1))
    assert one != other
    center = load_snapshot(branch.output, 1)["members.synapses.center"]
    drift = np.sqrt(((center - first["members.synapses.center"]) ** 2).mean(axis=1))
    np.testing.assert_allclose(read_table(branch.output, "members")["drift"].to_numpy()[:3], drift, rtol=1e-6)


def test_a_branch_goes_on_without_its_parent(small_runs, branch, tmp_path):
    parent = shutil.copytree(small_runs / "a", tmp_path / "parent")
    flags = ("--branch", parent, "--member", 1, "--members", 3, "--learning.learning-rate", "1e-3", "--episodes", 0)
    command = parse(*flags, "--evaluation.every", 0, "--steps", 300, "--output", tmp_path / "again")
    Trainer(command.settings, command.output).run()
    shutil.rmtree(parent)
    resumed = parse("--output", command.output, "--resume", "--steps", 600)
    Trainer(resumed.settings, resumed.output).run(resume=True)
    for name in ("episodes", "members"):
        assert read_table(command.output, name) == read_table(branch.output, name)


@pytest.mark.parametrize(
    ("other", "remembered"),
    [
        (["--learning.optimizer", "momentum"], "trace"),
        (["--learning.timed"], "timing"),
        (["--learning.annealed"], "learning.earned.total"),
        (["--synapse.fluctuation", "noise"], "synapses.following"),
    ],
)
def test_what_the_parent_does_not_remember_begins_afresh(small_runs, other, remembered, tmp_path):
    flags = ("--branch", small_runs / "a", "--snapshot", 4, *other, "--steps", 100)
    command = parse(*flags, "--evaluation.every", 0, "--output", tmp_path / "other")
    Trainer(command.settings, command.output).run()
    snapshots = Snapshots(command.output)
    assert any(remembered in name for name in snapshots.load(0))
    snapshots.close()


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--seed", 29], "--seed 29: is the parent's; a branch needs another one"),
        (["--neuron.sensitivity", 2], "--neuron.sensitivity: has no effect on a branch"),
        (["--synapse.center-range", 2], "--synapse.center-range: has no effect on a branch"),
    ],
)
def test_what_a_branch_cannot_change_is_said(small_runs, flags, message):
    with pytest.raises(ConfigError, match=re.escape(message)):
        parse("--branch", small_runs / "a", *flags)


def test_a_missing_snapshot_is_said(small_runs, tmp_path):
    command = parse("--branch", small_runs / "a", "--snapshot", 77, "--output", tmp_path / "none")
    with pytest.raises(RunError, match="no snapshot of round 77; there are: "):
        Trainer(command.settings, command.output).run()


def test_best_of_begins_with_the_best_member_of_each_group(small_runs, tmp_path):
    """One group of three: its best by the last evaluation of the frozen centers."""
    limits = ("--steps", 300, "--episodes", 0, "--evaluation.every", 0)
    command = parse("--branch", small_runs / "a", "--best-of", 3, *limits, "--output", tmp_path / "best")
    assert (command.settings.members, command.settings.first_member, command.settings.seed) == (1, 0, branch_seed(29))
    Trainer(command.settings, command.output).run()
    parent, first = (load_snapshot(*which) for which in ((small_runs / "a", 4), (command.output, 0)))
    best = int(parent["tally.frozen_return"].argmax())
    np.testing.assert_array_equal(first["members.synapses.center"][0], parent["members.synapses.center"][best])
    again = parse("--output", command.output, "--resume", "--steps", 600)
    Trainer(again.settings, again.output).run(resume=True)
    assert len(read_table(command.output, "members")) == 2


def test_groups_are_of_members_in_a_row():
    score = np.array([1.0, 2.0, np.nan, 3.0, -5.0, np.nan, 4.0, np.nan])
    run = build({"preset": "iros2018", "members": 8, "first_member": 8})
    assert best_of_groups(Path("run"), run, score, 2).tolist() == [1, 3, 4, 6]
    assert best_of_groups(Path("run"), run, score, 4).tolist() == [3, 6]
    assert best_of_groups(Path("run"), run, np.arange(8.0), 1).tolist() == list(range(8))
    with pytest.raises(RunError, match="run: no member of a group has been evaluated"):
        best_of_groups(Path("run"), run, np.append(score[:6], [np.nan, np.nan]), 2)
    for wrong in (replace(run, first_member=7), replace(run, members=7)):
        with pytest.raises(RunError, match="do not make up groups of 2, for --best-of"):
            best_of_groups(Path("run"), wrong, score, 2)


def test_a_member_of_a_branch_begins_with_its_own_group(small_runs):
    config = parse("--branch", small_runs / "a", "--best-of", 1).settings
    whole, alone = (initial_state(each)[0].members.synapses.center for each in (config, config.row(1)))
    np.testing.assert_array_equal(alone, whole[1:2])
    assert (np.asarray(whole[0]) != np.asarray(whole[1])).any()
    with pytest.raises(RunError, match="it has 3 groups of 1, and not one for every member"):
        initial_state(replace(config, members=4))


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--best-of", 2], "members 0 to 2 do not make up groups of 2, for --best-of"),
        (["--best-of", 3, "--member", 1], "--best-of and --member each say what to start from"),
        (["--best-of", 3, "--members", 2], "--members: with --best-of there is a member for every group"),
        (["--best-of", 3, "--snapshot", 77], "no snapshot of round 77"),
    ],
)
def test_what_best_of_cannot_do_is_said(small_runs, flags, message):
    with pytest.raises((ConfigError, RunError), match=re.escape(message)):
        parse("--branch", small_runs / "a", *flags)


def test_best_of_takes_a_run_of_independent_members(small_sweep):
    with pytest.raises(RunError, match="--best-of takes the folder of a run"):
        parse("--branch", small_sweep, "--best-of", 2)
    with pytest.raises(RunError, match="--best-of takes the folder of a run"):
        parse("--branch", "pretrained:walker", "--best-of", 2)
    with pytest.raises(ConfigError, match="--best-of 2: goes with --branch"):
        parse("--best-of", 2)


def test_a_branch_has_a_seed_that_no_run_has_by_chance():
    """Not the next one, whose streams and terrains an unrelated run would share."""
    seeds = [branch_seed(seed) for seed in (0, 1, 2, branch_seed(0), 2**64 - 1)]
    assert len(set(seeds)) == 5
    assert all(2**32 < seed < 2**53 for seed in seeds)
    assert branch_seed(0) == seeds[0] == 6464057275807353


@pytest.mark.parametrize("flag", ["--members", "--first-member"])
def test_one_member_trained_again_stays_one(small_runs, flag):
    with pytest.raises(ConfigError, match=f"{flag}: --from trains one member, alone; to train more from it, use --br"):
        parse("--from", small_runs / "a", flag, 2)
