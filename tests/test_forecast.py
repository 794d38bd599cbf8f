import pytest

from dsjax import config, forecast, plan, sweep
from dsjax.forecast import _evaluated, _steps


def test_steps_are_counted_to_the_limit_of_the_run():
    built = config.build({"members": 3, "steps": 100, "points": [{}, {}]})
    assert _steps(built) == 600
    assert _steps(config.build({"members": 3, "steps": 0, "episodes": 10})) == 3 * 10 * 1600


@pytest.mark.parametrize(("steps", "times"), [(100_000, 2), (200_000, 2), (200_001, 3), (1_000_000, 6)])
def test_evaluations_come_before_between_and_after_rounds(steps, times):
    assert _evaluated(config.build({"members": 3, "steps": steps})) == 3 * times * 10 * 1600
    assert _evaluated(config.build({"steps": steps, "evaluation": {"every": 0}})) == 0


def test_a_forecast_adds_up_its_jobs(monkeypatch):
    base = {"steps": 1_000_000, "episodes": 0, "evaluation": {"every": 0}, "environment": {"workers": 1}}
    made = plan.make(sweep.Sweep(base=base, grid={"learning.optimizer": ["sgd", "adam"]}), "mine")
    monkeypatch.setattr(forecast, "apart", lambda *_: (1000.0, 500.0))
    found = forecast.forecast(made)
    assert found.hours == pytest.approx(2 / found.side_by_side * 8e6 / 1000 / 3600)


def test_speeds_are_measured(monkeypatch):
    monkeypatch.setattr(forecast, "_SECONDS", 0.2)
    training, evaluation = forecast.speeds(config.build({"members": 2, "environment": {"backend": "sync"}}))
    assert training > 50
    assert evaluation > 50
