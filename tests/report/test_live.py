import shutil
import time

import numpy as np
import pytest
from helpers import until

from dsjax.analysis.comparison import compare
from dsjax.report import live, page
from dsjax.report.live import LiveReport, best_candidate
from dsjax.report.page import Look
from dsjax.storage import locks
from dsjax.storage.tables import read_table


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    """Films are made elsewhere: see tests/cli/test_report.py."""
    monkeypatch.setattr(live, "_PAUSE", 0.02)
    looks = []

    def look_at(run, member, caption, snapshot, check):
        looks.append((member, snapshot))
        return Look(caption, f"film {len(looks)}")

    monkeypatch.setattr(page, "look_at", look_at)
    return looks


def grown(source, folder, last):
    """Copy what a run had on the disk after a round."""
    shutil.copytree(source, folder, dirs_exist_ok=True)
    for path in folder.glob("*/round-*.parquet"):
        if int(path.stem.removeprefix("round-")) > last:
            path.unlink()
    for path in (folder / "snapshots").glob("*"):
        if path.name.isdigit() and int(path.name) > last:
            shutil.rmtree(path)


def test_whom_to_film_is_the_best_of_the_latest_evaluated_snapshot(small_runs, tmp_path):
    rows = read_table(small_runs / "a", "evaluations").to_pylist()
    means = [np.mean([row["return"] for row in rows if (row["round"], row["member"]) == (4, m)]) for m in range(3)]
    found = best_candidate([small_runs / "a"])
    assert found == (max(means), small_runs / "a", 4, int(np.argmax(means)))
    assert best_candidate([tmp_path]) is None
    grown(small_runs / "a", tmp_path / "run", 3)  # which was not evaluated
    assert best_candidate([tmp_path / "run"]) in (None, best_candidate([tmp_path / "run"]))
    assert best_candidate([small_runs / "a", small_runs / "b"]).mean == max(
        best_candidate([small_runs / name]).mean for name in "ab"
    )


def test_the_page_grows_with_its_run(small_runs, tmp_path, quick):
    folder = tmp_path / "run"
    with LiveReport([folder], compare) as page:
        until(lambda: page.status()["state"] == "Not training: no round is done yet")
        assert "Waiting for the end of the first round" in page.content()["content"]
        waiting = page.status()["version"]
        grown(small_runs / "a", folder, 2)
        until(lambda: "Figures</h2>" in page.content()["content"])
        until(lambda: page.status()["problem"] == "")
        assert page.status()["version"] != waiting
        grown(small_runs / "a", folder, 4)
        until(lambda: "after round 4: the best of" in page.content()["content"])
        films = len(quick)
        assert quick[-1] == (best_candidate([folder]).member, "4")
        version = page.status()["version"]
        assert page.status()["state"] == "Not training: finished, or interrupted"
        with locks.hold(folder / ".lock", "run"):
            until(lambda: page.status()["state"] == "Still training")
        time.sleep(0.3)
        assert len(quick) == films  # the same snapshot is filmed once
        assert page.status()["version"] == version  # and the same page is written once


def test_what_cannot_be_read_is_told_and_the_last_page_stays(small_runs, tmp_path):
    folder = tmp_path / "run"
    grown(small_runs / "a", folder, 4)
    with LiveReport([folder], compare) as page:
        until(lambda: "Figures</h2>" in page.content()["content"])
        (folder / "episodes" / "round-000002.parquet").unlink()
        (folder / "events.jsonl").write_text("")  # something is new
        until(lambda: page.status()["problem"])
        assert "The page cannot be renewed: " in page.status()["problem"]
        assert "episodes of round 2 are missing" in page.status()["problem"]
        assert "Figures</h2>" in page.content()["content"]


def test_a_run_without_a_round_is_left_out(small_runs, tmp_path):
    with LiveReport([small_runs / "a", tmp_path / "later"], compare) as page:
        until(lambda: "Figures</h2>" in page.content()["content"])
        assert f"{tmp_path / 'later'}: has no round yet, and is left out until then" in page.content()["content"]
        assert page.status()["state"] == "0 of 2 runs still training"
