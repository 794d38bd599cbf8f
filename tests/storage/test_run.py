import json
import re

import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from helpers import copy

from dsjax.config import loading
from dsjax.errors import RunError
from dsjax.storage.metadata import add_event
from dsjax.storage.run import read_run
from dsjax.training.trainer import Trainer


def written_by(run, version):
    """Make a run look as if another version of dsjax had written it."""
    about = json.loads((run / "run.json").read_text())
    about["sessions"][-1]["versions"]["dsjax"] = version
    (run / "run.json").write_text(json.dumps(about))


def test_a_run_holds_what_was_recorded(small_runs):
    run = read_run(small_runs / "a")
    assert run.name == "a"
    assert run.config.members == 3
    assert set(run.members["round"].to_pylist()) == {1, 2, 3, 4}
    assert set(run.evaluations["round"].to_pylist()) == {0, 2, 4}
    assert len(run.scores) == 0
    assert run.sessions[0]["versions"]["dsjax"] != "absent"


def test_no_run_and_an_empty_run_are_said(tmp_path):
    with pytest.raises(RunError, match="absent: there is no run here"):
        read_run(tmp_path / "absent")
    Trainer(loading.build({"members": 1, "steps": 1, "evaluation": {"every": 0}}), tmp_path / "run").run()
    for path in (tmp_path / "run" / "members").iterdir():
        path.unlink()
    with pytest.raises(RunError, match="run: nothing is recorded yet; wait for the end of the first round"):
        read_run(tmp_path / "run")


def test_a_run_of_another_version_is_refused(small_runs, tmp_path):
    run = copy(small_runs / "a", tmp_path / "run")
    written_by(run, "9.9")
    assert read_run(run).name == "run"  # what can be read is read
    path = run / "members" / "round-000002.parquet"
    pq.write_table(pq.read_table(path).drop_columns(["drift"]), path)
    with pytest.raises(
        RunError, match=r"run was written by dsjax 9\.9, which this dsjax .* cannot read .*round-000002.*without drift"
    ):
        read_run(run)
    (run / "config.toml").write_text((run / "config.toml").read_text() + "\n[sleep]\nlength = 8\n")
    with pytest.raises(RunError, match=r"written by dsjax 9\.9.*unknown key sleep.*install dsjax 9\.9 to look at it"):
        read_run(run)


def test_damaged_records_are_named(small_runs, tmp_path):
    run = copy(small_runs / "a", tmp_path / "run")
    path = run / "episodes" / "round-000001.parquet"
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(RunError, match=re.escape(f"{path}: cannot be read: ")):
        read_run(run)


@pytest.mark.parametrize(("name", "rounds", "which"), [
    ("episodes", [1], "episodes of round 1 are missing"), ("members", [1, 2], "members of rounds 1 to 2 are missing"),
    ("episodes", [2, 4], "episodes of rounds 2, 4 are missing"),
])  # fmt: skip
def test_a_missing_round_is_named(small_runs, tmp_path, name, rounds, which):
    """What is left would be taken for the whole: fewer episodes, at later steps."""
    run = copy(small_runs / "a", tmp_path / "run")
    for number in rounds:
        (run / name / f"round-{number:06d}.parquet").unlink()
    with pytest.raises(
        RunError, match=rf"^{re.escape(str(run))}: {which}; restore the files of .*{name}, or train again"
    ):
        read_run(run)


def test_a_round_that_is_being_written_counts_for_nothing_yet(small_runs, tmp_path):
    """Of the last one all is there but for `members`, as while a run trains, or where it was killed."""
    run, whole = copy(small_runs / "a", tmp_path / "run"), read_run(small_runs / "a")
    (run / "members" / "round-000004.parquet").unlink()
    part = read_run(run)
    assert part.notes == []
    for name in ("members", "episodes", "evaluations"):
        table = getattr(whole, name)
        assert getattr(part, name) == table.filter(pc.less(table["round"], 4))


def test_selections_that_are_missing_are_named(tmp_path):
    settings = {"members": 2, "steps": 40, "round_steps": 10, "selection": {"every": 2}, "evaluation": {"every": 0}}
    Trainer(loading.build(settings), tmp_path / "run").run()
    assert read_run(tmp_path / "run").notes == []
    (tmp_path / "run" / "selections" / "round-000002.parquet").unlink()
    with pytest.raises(RunError, match="selections of round 2 are missing"):
        read_run(tmp_path / "run")


def test_evaluations_are_expected_as_often_as_the_config_said_at_the_time(small_runs, tmp_path):
    """From every second round to every round, after round 2: round 1 is not missing, round 3 is."""
    run = copy(small_runs / "a", tmp_path / "run")
    assert read_run(run).notes == []
    text = (run / "config.toml").read_text()
    (run / "config.toml").write_text(text.replace("[evaluation]\nevery = 2", "[evaluation]\nevery = 1"))
    add_event(run, "config changed", round=2, changes={"evaluation.every": [2, 1]})
    [note] = read_run(run).notes
    assert "evaluations of round 3 are missing" in note
    add_event(run, "rewound", round=0, before=2)  # from there on every round is to be evaluated
    [note] = read_run(run).notes
    assert "evaluations of rounds 1, 3 are missing" in note
