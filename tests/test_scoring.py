import pyarrow.parquet as pq
import pytest
from conftest import run_script

from dsjax import config
from dsjax.records import RunError
from dsjax.scoring import ScoreCommand, score_run
from dsjax.training import Trainer


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("scoring") / "run"
    settings = {"members": 3, "steps": 400, "round_steps": 200, "evaluation": {"every": 1, "episodes": 1}}
    Trainer(config.build(settings), folder).run()
    return folder


def test_scores_are_written_and_do_not_depend_on_the_backend(run):
    one = score_run(ScoreCommand(run=run, episodes=2, backend="sync"))
    other = score_run(ScoreCommand(run=run, episodes=2, backend="async"))
    assert one.table == other.table == pq.read_table(one.path)
    assert one.table["member"].to_pylist() == [0, 0, 1, 1, 2, 2]
    assert set(one.table["terrains"].to_pylist()) == {"test-v1"}
    assert one.snapshot == 2


def test_reporting_terrains_are_not_those_selected_on(run):
    scores = [
        score_run(ScoreCommand(run=run, episodes=1, members=(0,), terrains=t)) for t in ("test-v1", "validation-v1")
    ]
    assert scores[0].table["return"] != scores[1].table["return"]
    assert scores[0].path != scores[1].path


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"members": (7,)}, "has no member 7; its members are 0 to 2"),
        ({"snapshot": "9"}, "no snapshot of round 9; there are: 0, 1, 2"),
        ({"snapshot": "newest"}, "--snapshot newest: must be latest, best or one of 0, 1, 2"),
        ({"episodes": 0}, "--episodes 0: at least 1 is needed"),
    ],
)
def test_what_is_not_there_is_said(run, options, message):
    with pytest.raises(RunError, match=message):
        score_run(ScoreCommand(run=run, **options))


def test_the_script_prints_a_row_per_member(run):
    status, output = run_script("evaluate.py", run, "--episodes", 1, "--snapshot", "best", "--members", 0, 2)
    assert status == 0, output
    assert "frozen centers on test-v1" in output
    rows = [line.split() for line in output.splitlines() if line.strip()[:2] in ("0 ", "2 ")]
    assert len(rows) == 2
    assert "IQM" in output
    status, output = run_script("evaluate.py", run.parent / "absent")
    assert (status, output.strip()) == (2, f"error: {run.parent / 'absent'}: there is no run here")
