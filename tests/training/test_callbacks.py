import pytest

from dsjax.config import loading
from dsjax.training.callbacks import Callback
from dsjax.training.trainer import Trainer

SETTINGS = {
    "members": 2, "steps": 40, "round_steps": 20, "evaluation": {"every": 0}, "environment": {"backend": "sync"},
}  # fmt: skip


class Diary(Callback):
    def __init__(self, name, told):
        self.name, self.told = name, told

    def __enter__(self):
        self.told.append(f"{self.name} enters")
        return self

    def __exit__(self, *_):
        self.told.append(f"{self.name} exits")

    def on_start(self, run):
        self.told.append(f"{self.name} starts")

    def on_step(self, run, tick):
        if (int(run.stats.rounds), tick) == (1, 5):
            raise ValueError(self.name)

    def on_round_end(self, run):
        self.told.append(f"{self.name} round {run.stats.rounds}")


def test_callbacks_are_told_in_order_until_one_raises(tmp_path):
    told = []
    with pytest.raises(ValueError, match="first"):
        Trainer(loading.build(SETTINGS), tmp_path / "run", [Diary("first", told), Diary("second", told)]).run()
    assert told == [
        "first enters", "second enters", "first starts", "second starts", "first round 0", "second round 0",
        "first round 1", "second round 1", "second exits", "first exits",
    ]  # fmt: skip


def test_a_status_tells_how_far_a_run_is(tmp_path):
    told = []

    class Fractions(Callback):
        def on_step(self, run, tick):
            told.append(run.fraction(tick))

    Trainer(loading.build(SETTINGS), tmp_path / "run", [Fractions()]).run()
    assert told == [step / 40 for step in range(40)]
