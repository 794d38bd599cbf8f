import pytest
from helpers import run_command

from dsjax.training.runtime import apart
from dsjax.training.speed import growth, measure, soak, step_alone


def test_all_is_measured_on_every_repeat():
    m = apart(measure, "sync", 2, "iros2018", 0.1, 2)
    for speeds in (m.random, m.replay, m.training):
        assert len(speeds) == 2
        assert min(speeds) > 0
    assert m.ratio("random") == pytest.approx(sum(t / r for t, r in zip(m.training, m.random, strict=True)) / 2)
    assert set(m.shares) == {"walkers", "controllers", "counting"}
    assert min(m.shares.values()) > 0
    assert m.memory > 50


def test_controllers_alone_are_timed_per_member_and_step(monkeypatch):
    """By a clock that a draw of periods and the steps up to the next one, 32 in all, move by one second."""
    seconds = iter(range(1000))
    monkeypatch.setattr("dsjax.training.speed.time.perf_counter", lambda: next(seconds) / 3)
    assert step_alone("iros2018", 5, 4.0) == pytest.approx(1e6 / 3 / 32 / 5)


def test_growth_is_that_of_the_second_half():
    rows = [(0, 0, 900.0), (1, 10**7, 500.0), (2, 2 * 10**7, 501.0), (3, 3 * 10**7, 502.0)]
    assert growth(rows) == pytest.approx(1.0)


@pytest.mark.slow
def test_a_soak_notes_the_memory_of_every_round():
    rows = apart(soak, 0.01, 2)
    assert [row[0] for row in rows] == list(range(len(rows)))
    assert min(row[2] for row in rows) > 50


@pytest.mark.slow
def test_the_script_prints_tables():
    flags = ("--members", 1, "--backends", "sync", "--seconds", 0.1, "--repeats", 1, "--alone", 8)
    status, output = run_command("benchmark", *flags)
    assert status == 0, output
    assert "/random" in output
    assert "per member step" in output
    assert "from then on" in output
