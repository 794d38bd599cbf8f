import numpy as np
import pytest

from dsjax.analysis.members import is_scored, member_histories
from dsjax.evaluation.score import score_run
from dsjax.storage.run import read_run
from dsjax.storage.tables import read_scores


@pytest.fixture(scope="module")
def run(small_runs):
    return read_run(small_runs / "a")


def test_every_member_has_its_own_records(run):
    members = member_histories(run)
    assert [member.index for member in members] == [0, 1, 2]
    for member in members:
        rows = [row for row in run.episodes.to_pylist() if row["member"] == member.index and row["outcome"] != "cut"]
        assert rows
        assert member.episodes["return"].tolist() == [row["return"] for row in rows]
        assert member.recent.tolist() == [row["return"] for row in rows[-100:]]
        assert (np.diff(member.episodes["step"]) > 0).all()
        last = [row for row in run.members.to_pylist() if row["member"] == member.index][-1]
        assert (member.trained("step"), member.trained("episode")) == (last["step"], last["episodes"])
        assert member.trained("episode") == len(rows)
        assert member.running
        assert member.solved_at("frozen", "step") == -1


def test_evaluations_are_means_over_terrains(run):
    for member in member_histories(run):
        rows = [row for row in run.evaluations.to_pylist() if row["member"] == member.index]
        by_round = [[row for row in rows if row["round"] == number] for number in (0, 2, 4)]
        np.testing.assert_allclose(
            member.evaluations["return"], [np.mean([row["return"] for row in each]) for each in by_round]
        )
        assert member.evaluations["step"].tolist() == [each[0]["step"] for each in by_round]
        assert member.score == pytest.approx(np.mean([row["return"] for row in by_round[-1]]))
        assert member.fall_rate == np.mean([row["outcome"] == "fell" for row in by_round[-1]])


def test_scores_count_if_they_are_of_all_members_as_they_are_now(small_runs):
    folder = small_runs / "b"

    def score(**options):
        score_run(folder, episodes=3, backend="sync", **options)
        return read_run(folder)

    assert not is_scored(read_run(folder))
    assert not is_scored(score(snapshot="3"))
    assert not is_scored(score(members=(0, 2)))
    run = score()
    assert is_scored(run)
    found = read_scores(folder).to_pylist()
    for member in member_histories(run, scored=True):
        assert member.final["return"].tolist() == [row["return"] for row in found if row["member"] == member.index]
        assert len(member.final["return"]) == 3
    for path in (folder / "scores").iterdir():
        path.unlink()
