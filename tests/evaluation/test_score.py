import shutil

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from helpers import EARLY, run_command

from dsjax.config import loading
from dsjax.errors import RunError
from dsjax.evaluation.score import score_run
from dsjax.training.trainer import Trainer


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("scoring") / "run"
    settings = {**EARLY, "members": 3, "steps": 400, "round_steps": 200, "evaluation": {"every": 1, "episodes": 1}}
    Trainer(loading.build(settings), folder).run()
    return folder


def test_scores_are_written_and_do_not_depend_on_the_backend(run):
    one = score_run(run, episodes=2, backend="sync")
    other = score_run(run, episodes=2, backend="async")
    assert one.table == other.table == pq.read_table(one.path)
    assert one.table["member"].to_pylist() == [0, 0, 1, 1, 2, 2]
    assert set(one.table["terrains"].to_pylist()) == {"test-v1"}
    assert one.snapshot == 2


def test_reporting_terrains_are_not_those_selected_on(run):
    scores = [score_run(run, episodes=1, members=(0,), terrains=t) for t in ("test-v1", "validation-v1")]
    assert scores[0].table["return"] != scores[1].table["return"]
    assert scores[0].path != scores[1].path


@pytest.fixture
def own(run, tmp_path):
    """A copy of the run, of which nothing has been scored yet."""
    shutil.copytree(run, tmp_path / "own", ignore=shutil.ignore_patterns("scores"))
    return tmp_path / "own"


def test_a_second_evaluation_adds_to_the_first(own):
    """A part of the members, fewer terrains, a window: what was stored stays."""
    first = score_run(own, episodes=3)
    score_run(own, episodes=1, members=(1,))
    assert pq.read_table(first.path) == first.table
    more = score_run(own, episodes=4, members=(1,))
    stored = pq.read_table(first.path)
    assert len(more.table) == 4 and len(stored) == 10
    places = list(zip(stored["member"].to_pylist(), stored["terrain"].to_pylist(), strict=True))
    assert places == sorted({(m, t) for m in range(3) for t in range(3)} | {(1, 3)})
    assert more.notes == []


def test_a_window_shows_one_member_and_replaces_nothing(own, monkeypatch):
    monkeypatch.setenv("SDL_VIDEODRIVER", "dummy")  # a window without a screen
    first = score_run(own, episodes=1)
    shown = score_run(own, episodes=1, render=True)
    assert shown.notes == ["--render shows member 0 alone; the others are not scored"]
    assert pq.read_table(first.path) == first.table


def test_an_episode_with_another_result_is_kept_and_told(own):
    first = score_run(own, episodes=1)
    row = first.table.schema.get_field_index("return")
    other = first.table.set_column(row, "return", pa.array([1.0, 2.0, 3.0]))
    pq.write_table(other, first.path)
    again = score_run(own, episodes=1)
    [note] = again.notes
    assert note.startswith("3 episodes are stored with another result, of another machine or version; kept as stored")
    assert pq.read_table(first.path) == other
    forced = score_run(own, episodes=1, force=True)
    assert "replaced" in forced.notes[0]
    assert pq.read_table(first.path) == first.table


def test_scores_may_go_elsewhere(own, tmp_path):
    score = score_run(own, episodes=1, output=tmp_path / "mine.parquet")
    assert pq.read_table(tmp_path / "mine.parquet") == score.table
    assert not (own / "scores").exists()
    with pytest.raises(RunError, match=r"mine\.parquet is there already; choose another --output, or replace it with"):
        score_run(own, episodes=1, output=tmp_path / "mine.parquet")


def test_what_cannot_be_stored_is_shown_all_the_same(own):
    (own / "scores").write_text("a file, where there should be a folder")
    score = score_run(own, episodes=1)
    assert len(score.table) == 3 and score.path is None
    assert score.notes[0].startswith("the scores are not stored: ")


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
        score_run(run, **options)


def test_the_script_prints_a_row_per_member(run):
    status, output = run_command("evaluate", run, "--episodes", 1, "--snapshot", "best", "--members", 0, 2)
    assert status == 0, output
    assert "frozen centers on test-v1" in output
    rows = [line.split() for line in output.splitlines() if line.strip()[:2] in ("0 ", "2 ")]
    assert len(rows) == 2
    assert "IQM" in output
    status, output = run_command("evaluate", run.parent / "absent")
    assert (status, output.strip()) == (2, f"error: {run.parent / 'absent'}: there is no run here")
