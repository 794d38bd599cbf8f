import re
import shutil
from dataclasses import replace

import numpy as np
import pytest
from helpers import copy

from dsjax.analysis.comparison import Group, compare, notes_on
from dsjax.analysis.members import UNITS, member_histories
from dsjax.config import loading
from dsjax.config.schema import ParentConfig
from dsjax.errors import ConfigError, RunError
from dsjax.evaluation.score import score_run
from dsjax.storage.run import read_run


def paths(small_runs, *names):
    return [small_runs / name for name in names]


def test_runs_that_learn_alike_make_one_group(small_runs):
    comparison = compare(paths(small_runs, "a", "b", "c"))
    assert [(group.label, len(group.members)) for group in comparison.groups] == [
        ("repulsive", 6),
        ("not repulsive", 2),
    ]
    assert comparison.terrains == "validation-v1"
    assert comparison.notes == []


def test_any_keys_can_make_groups(small_runs):
    groups = compare(paths(small_runs, "a", "b", "c"), by=["seed", "learning.repulsive"]).groups
    assert [group.label for group in groups] == ["seed 29, repulsive", "seed 56, repulsive", "seed 29, not repulsive"]
    assert [group.label for group in compare(paths(small_runs, "a", "c"), by=["preset"]).groups] == ["iros2018"]


def test_groups_are_called_by_their_runs_where_their_values_are_many(small_runs, tmp_path):
    assert [group.label for group in compare(paths(small_runs, "c")).groups] == ["c"]
    assert compare(paths(small_runs, "c")).differences == []
    other = copy(small_runs / "b", tmp_path / "c")
    settings = {"preset": "readme", "members": 3, "steps": 1200, "round_steps": 300, "learning": {"floor": -20.0}}
    (other / "config.toml").write_text(loading.to_toml(loading.build(settings | {"neuron": {"rate": 2e-6}})))
    compared = compare([small_runs / "c", other])
    names = [f"{small_runs.name}/c", f"{tmp_path.name}/c"]  # the folders that tell them apart
    assert [group.label for group in compared.groups] == names
    [preset] = [row for row in compared.differences if row["key"] == "preset"]
    assert preset == {"key": "preset", names[0]: "iros2018", names[1]: "readme"}
    assert {"learning.floor", "neuron.rate", "learning.repulsive"} <= {row["key"] for row in compared.differences}


def test_groups_can_be_given_names(small_runs):
    comparison = compare(paths(small_runs, "a", "b", "c"), labels=["one", "other"])
    assert [group.label for group in comparison.groups] == ["one", "other"]
    with pytest.raises(ConfigError, match="--labels: there are 1 for 2 groups: "):
        compare(paths(small_runs, "a", "b", "c"), labels=["one"])
    with pytest.raises(ConfigError, match="--labels one one: each group needs a name of its own"):
        compare(paths(small_runs, "a", "b", "c"), labels=["one", "one"])


def test_members_that_end_early_are_kept_and_named(small_runs):
    (group,) = compare(paths(small_runs, "a", "c"), by=["preset"]).groups
    assert len(group.members) == 5
    trained = [member.trained("step") for member in group.members]
    (note,) = compare(paths(small_runs, "a", "c"), by=["preset"]).notes
    assert note == f"iros2018: 2 of 5 members end before the longest, at {max(trained):,} steps"


def test_a_stopped_member_is_named_and_watched_to_the_end(small_runs, tmp_path):
    import pyarrow as pa
    import pyarrow.parquet as pq

    run = copy(small_runs / "a", tmp_path / "run")
    for path in sorted((run / "members").iterdir())[1:]:
        table = pq.read_table(path)
        column = pa.array([True, False, True])
        steps = pa.array([table["step"][0].as_py(), 250, table["step"][2].as_py()], pa.int64())
        table = table.set_column(table.column_names.index("running"), "running", column)
        pq.write_table(table.set_column(table.column_names.index("step"), "step", steps), path)
    comparison = compare([run])
    assert f"{run}: member 1 was stopped after 250 steps, as its action was not finite" in comparison.notes
    watched = comparison.groups[0].watched("step")
    assert watched[1] == watched.max() > 1000


def test_members_that_still_train_are_watched_as_long_as_any_of_their_run(small_runs):
    run = read_run(small_runs / "a")
    trained = {unit: [member.trained(unit) for member in member_histories(run)] for unit in UNITS}
    assert len(set(trained["step"])) > 1  # resets
    assert [member.watched("step") for member in member_histories(run)] == [max(trained["step"])] * 3
    assert [member.watched("episode") for member in member_histories(run)] == trained["episode"]
    limited = replace(run, config=replace(run.config, episodes=1))
    assert [member.watched("step") for member in member_histories(limited)] == trained["step"]


def test_members_of_two_runs_that_end_together_are_watched_as_long(small_runs):
    (group,) = compare(paths(small_runs, "a", "b"), by=["preset"]).groups
    assert len({member.watched("step") for member in group.members}) == 2
    assert set(group.watched("step")) == {max(member.watched("step") for member in group.members)}
    assert group.watched("episode").tolist() == [member.watched("episode") for member in group.members]


def test_a_member_that_rests_is_watched_until_then(small_runs):
    run = read_run(small_runs / "a")
    run = replace(run, config=replace(run.config, rest_when_solved=True))
    learning, _, solved = member_histories(run)
    solved = replace(solved, rounds=solved.rounds | {"frozen_solved_step": np.array([700])})
    assert (learning.paused, solved.paused) == (False, True)
    assert solved.watched("step") == solved.trained("step")
    assert learning.watched("step") == max(run.members["step"].to_pylist())
    assert notes_on([Group("solve", [learning, solved])]) == ["solve: 1 of 2 members are paused since they were solved"]


@pytest.mark.parametrize(
    ("best_of", "note"),
    [
        (0, "all started as one trained member, whose steps are counted: intervals say nothing of other seeds"),
        (1, "each member continues another run's, whose steps are counted"),
        (4, "each member started as the best of 4, whose steps are counted; those of the others are not"),
    ],
)
def test_what_a_branch_had_learned_before_is_said(small_runs, best_of, note):
    run = read_run(small_runs / "a")
    branch = replace(
        run,
        config=replace(run.config, parent=ParentConfig(run="runs/other", best_of=best_of)),
        before={"step": [1000] * 3, "episode": [10] * 3},
    )
    # Older runs do not know what their parents had trained for.
    forgotten = member_histories(replace(branch, before=run.before))
    assert notes_on([Group("solve", forgotten)]) == [f"solve: {note}".replace("are counted", "are not counted")]
    assert notes_on([Group("solve", member_histories(branch)), Group("other", member_histories(run))]) == [
        f"solve: {note}"
    ]


def test_a_branch_is_called_by_its_run(small_runs, tmp_path):
    branch = copy(small_runs / "b", tmp_path / "branch")
    text = (branch / "config.toml").read_text()
    (branch / "config.toml").write_text(text.replace('[parent]\nrun = ""', '[parent]\nrun = "runs/other"'))
    found = compare([small_runs / "a", branch])
    assert [group.label for group in found.groups] == ["a", "branch"]
    assert found.differences == [{"key": "parent.run", "a": "", "branch": "runs/other"}]
    assert "other" not in compare([branch]).groups[0].label


def test_members_on_different_tasks_make_no_group(small_runs, tmp_path):
    """`--by` may leave the task out; whoever compares them apart is told."""
    other = copy(small_runs / "b", tmp_path / "hard")
    text = (other / "config.toml").read_text()
    (other / "config.toml").write_text(text.replace('"BipedalWalker-v3"', '"BipedalWalkerHardcore-v3"'))
    both = "BipedalWalker-v3 and on BipedalWalkerHardcore-v3"
    with pytest.raises(
        ConfigError, match=f"--by preset makes one group of members on {both}, .*; add environment.id to"
    ):
        compare([small_runs / "a", other], by=["preset"])
    found = compare([small_runs / "a", other], by=["preset", "environment.id"])
    assert len(found.groups) == 2
    assert any("walk on different tasks, BipedalWalker-v3 and BipedalWalkerHardcore-v3" in note for note in found.notes)


def test_members_scored_on_more_and_fewer_terrains_are_told(small_runs, tmp_path):
    runs = [shutil.copytree(small_runs / name, tmp_path / name) for name in ("a", "b")]
    for run, episodes in zip(runs, (1, 2), strict=True):
        score_run(run, episodes=episodes)
    found = compare(runs)
    assert found.terrains == "test-v1"
    assert "final frozen returns are over 1 to 2 terrains, not alike for all members" in found.notes


def test_evaluations_that_are_missing_are_told(small_runs, tmp_path):
    run = copy(small_runs / "a", tmp_path / "run")
    (run / "evaluations" / "round-000002.parquet").unlink()
    note = f"{run}: evaluations of round 2 are missing; curves of the frozen centers lack them"
    assert note in compare([run]).notes


def test_the_same_members_twice_are_refused(small_runs, tmp_path):
    again = copy(small_runs / "a", tmp_path / "again")
    with pytest.raises(RunError, match="have the same config and seed: their members are the same, not independent"):
        compare([small_runs / "a", again])


def test_bad_input_is_said(small_runs):
    with pytest.raises(ConfigError, match=r"--by: unknown key repulsive; did you mean learning\.repulsive\?"):
        compare(paths(small_runs, "a"), by=["repulsive"])
    with pytest.raises(RunError, match="nothing to compare; name at least one run folder"):
        compare([])
    with pytest.raises(RunError, match=re.escape(f"{small_runs}: there is no run here")):
        compare([small_runs])


def test_presets_are_told_apart_by_name(small_runs, tmp_path):
    from dsjax.analysis.comparison import _differing, _labels
    from dsjax.config import loading

    def label(*changes):
        configs = [loading.build(change) for change in changes]
        return _labels(configs, (), _differing(configs, ()))

    assert label({}, {"preset": "readme"}) == ["iros2018", "readme"]
    assert label({}, {"preset": "readme", "neuron": {"adaptation": "none"}}) == ["iros2018, nonlinear", "readme, none"]
    assert label({}, {"synapse": {"period": 60000.0}}) == ["period 20000", "period 60000"]
    assert label({"environment": {"backend": "sync"}}, {"environment": {"backend": "async"}}) == ["", ""]
    assert np.all(label({"environment": {"backend": "envpool"}}) == ["iros2018"])
