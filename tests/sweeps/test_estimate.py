import pytest

from dsjax.config import loading
from dsjax.sweeps import estimate as module
from dsjax.sweeps.estimate import _evaluated, _steps, estimate, speeds
from dsjax.sweeps.plan import make_plan
from dsjax.sweeps.spec import Sweep


def test_steps_are_counted_to_the_limit_of_the_run():
    built = loading.build({"members": 3, "steps": 100, "points": [{}, {}]})
    assert _steps(built) == 600
    assert _steps(loading.build({"members": 3, "steps": 0, "episodes": 10})) == 3 * 10 * 1600


@pytest.mark.parametrize(("steps", "times"), [(100_000, 2), (200_000, 2), (200_001, 3), (1_000_000, 6)])
def test_evaluations_come_before_between_and_after_rounds(steps, times):
    assert _evaluated(loading.build({"members": 3, "steps": steps})) == 3 * times * 10 * 1600
    assert _evaluated(loading.build({"steps": steps, "evaluation": {"every": 0}})) == 0


def test_an_estimate_adds_up_its_jobs(monkeypatch):
    base = {"steps": 1_000_000, "episodes": 0, "evaluation": {"every": 0}, "environment": {"workers": 1}}
    made = make_plan(Sweep(base=base, grid={"learning.optimizer": ["sgd", "adam"]}), "mine")
    monkeypatch.setattr(module, "apart", lambda *_: (1000.0, 500.0))
    found = estimate(made)
    assert found.hours == pytest.approx(2 / found.side_by_side * 8e6 / 1000 / 3600)


def test_speeds_are_measured(monkeypatch):
    monkeypatch.setattr(module, "_SECONDS", 0.2)
    training, evaluation = speeds(loading.build({"members": 2, "environment": {"backend": "sync"}}))
    assert training > 50
    assert evaluation > 50
