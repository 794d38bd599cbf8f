import re

import numpy as np
import pytest
from helpers import copy, run_command

from dsjax.analysis.comparison import compare
from dsjax.analysis.stats import iqm
from dsjax.errors import RunError
from dsjax.storage.tables import read_table
from dsjax.sweeps.plan import read_plan, run_folders
from dsjax.sweeps.results import effect, effect_rows, point_rows, read_results


@pytest.fixture(scope="module")
def results(small_sweep):
    return read_results(small_sweep)


def test_every_point_has_its_members(results, small_sweep):
    assert [group.label for group in results.groups.values()] == [
        "amplitude 0.1, repulsive", "amplitude 0.1, not repulsive", "amplitude 0.2, repulsive",
        "amplitude 0.2, not repulsive", "amplitude 0.4, repulsive", "amplitude 0.4, not repulsive",
    ]  # fmt: skip
    assert results.notes == []
    assert results.measure() == "return of the frozen centers on validation-v1"
    scores = results.scores()
    for point, group in results.groups.items():
        assert [member.identity for member in group.members] == [0, 1]
        for member in group.members:
            job, row = read_plan(small_sweep).find(point, member.identity)
            assert (member.run.folder, member.index) == (job.folder(small_sweep), row)
            assert member.config.synapse.amplitude == results.plan.points[point]["synapse.amplitude"]
            rows = read_table(job.folder(small_sweep), "evaluations").to_pylist()
            last = [r["return"] for r in rows if (r["round"], r["member"]) == (2, row)]
            assert scores[point, member.identity] == pytest.approx(np.mean(last))


def test_points_are_ranked_with_their_intervals(results):
    rows = point_rows(results)
    assert [row["rank"] for row in rows] == [1, 2, 3, 4, 5, 6]
    assert [row["iqm"] for row in rows] == sorted((row["iqm"] for row in rows), reverse=True)
    for row in rows:
        assert row["iqm"] == iqm(results.scores()[row["point"]])
        assert row["low"] <= row["iqm"] <= row["high"]


def test_main_effects_average_over_all_else_member_by_member(results):
    scores = results.scores()
    np.testing.assert_allclose(effect(results, "learning.repulsive", True), scores[::2].mean(axis=0))
    np.testing.assert_allclose(effect(results, "synapse.amplitude", 0.4), scores[4:].mean(axis=0))
    rows = effect_rows(results)
    assert [(row["key"], row["value"]) for row in rows] == [
        ("synapse.amplitude", "0.1"), ("synapse.amplitude", "0.2"), ("synapse.amplitude", "0.4"),
        ("learning.repulsive", "yes"), ("learning.repulsive", "no"),
    ]  # fmt: skip
    assert (rows[0]["difference_iqm"], rows[3]["difference_iqm"]) == (0, 0)
    assert rows[4]["difference_iqm"] == pytest.approx(iqm(scores[1::2].mean(axis=0) - scores[::2].mean(axis=0)))


def test_a_sweep_that_goes_on_is_read_and_what_is_missing_named(small_sweep, tmp_path):
    import shutil

    folder = copy(small_sweep, tmp_path / "part")
    lost = read_plan(folder).jobs[1]
    shutil.rmtree(lost.folder(folder))
    found = read_results(folder)
    assert found.notes == [f"{lost.name}: nothing is recorded; points 1, 3, 5 are missing"]
    assert list(found.groups) == [0, 2, 4]
    assert np.isnan(found.scores()[1::2]).all()
    assert len(point_rows(found)) == 3
    shutil.rmtree(folder / "jobs")
    with pytest.raises(RunError, match=re.escape(f"{folder}: nothing is recorded yet")):
        read_results(folder)


def test_a_sweep_can_be_compared_like_any_runs(small_sweep, small_runs):
    groups = compare(run_folders([small_sweep]), by=["learning.repulsive"]).groups
    assert [(group.label, len(group.members)) for group in groups] == [("repulsive", 6), ("not repulsive", 6)]
    assert len(compare(run_folders([small_sweep])).groups) == 6
    assert len(compare(run_folders([small_sweep, small_runs / "b"]), by=["synapse.amplitude"]).groups) == 3
    with pytest.raises(RunError, match="their members are the same, not independent"):
        compare(run_folders([small_sweep, small_sweep]))


def test_the_script_reports_a_sweep(small_sweep, tmp_path):
    status, output = run_command("compare", small_sweep, "--output", tmp_path)
    assert status == 0, output
    assert "main effects" in output
    assert "amplitude 0.4" in output
    names = {path.name for path in tmp_path.iterdir()}
    assert {"points.csv", "effects.csv", "members.csv", "ranking.png", "main-effects.pdf", "heat-map.png"} <= names


def test_a_job_whose_points_are_others_than_planned_is_refused(small_sweep, tmp_path):
    """As where samples that repeat others were points of their own: members would get other points' names."""
    sweep = copy(small_sweep, tmp_path / "sweep")
    path = read_plan(sweep).jobs[0].folder(sweep) / "config.toml"
    path.write_text(path.read_text().replace("members = 2", "members = 3"))
    with pytest.raises(RunError, match=r"its points are not those that .*sweep plans: an older dsjax counted samples"):
        read_results(sweep)


def test_a_job_that_has_recorded_nothing_yet_is_noted(small_sweep, tmp_path):
    sweep = copy(small_sweep, tmp_path / "sweep")
    first = read_plan(sweep).jobs[0]
    for file in (first.folder(sweep) / "members").iterdir():
        file.unlink()
    assert read_results(sweep).notes[0].startswith(f"{first.name}: nothing is recorded; points ")
