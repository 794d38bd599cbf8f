import sys

import numpy as np
import pytest
from helpers import EARLY, run_command

from dsjax.config import loading
from dsjax.errors import RunError
from dsjax.storage.tables import read_table
from dsjax.training.tensorboard import TensorBoardLogger
from dsjax.training.trainer import Trainer

pytest.importorskip("tensorboardX")
EventAccumulator = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator").EventAccumulator

SETTINGS = {
    **EARLY, "members": 3, "round_steps": 300,
    "environment": {"backend": "sync"}, "evaluation": {"every": 2, "episodes": 2},
}  # fmt: skip
TABLES = ("members", "episodes", "evaluations")
MEMBER_TAGS = {
    "training/return", "training/length", "frozen/return", "members/amplitude", "members/sensitivity", "members/drift"
}  # fmt: skip


def train(folder, steps=1200, mirrored=True, **options):
    callbacks = [TensorBoardLogger(folder)] if mirrored else []
    trainer = Trainer(loading.build(SETTINGS | {"steps": steps}), folder, callbacks)
    trainer.run(**options)
    return trainer


def lines(folder):
    """Return {name: {tag: [(step, value)]}} as TensorBoard reads it."""
    found = {}
    for path in sorted((folder / "tensorboard").iterdir()):
        events = EventAccumulator(str(path), size_guidance={"scalars": 0}).Reload()
        tags = events.Tags()["scalars"]
        found[path.name] = {tag: [(event.step, event.value) for event in events.Scalars(tag)] for tag in tags}
    return found


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("mirror") / "run"
    train(folder)
    return folder


def single(values):
    return [(int(step), float(np.float32(value))) for step, value in values]


def test_every_member_has_the_figures_of_its_records(run):
    found = lines(run)
    assert list(found) == ["member000", "member001", "member002", "population"]
    rows = {name: read_table(run, name).to_pylist() for name in TABLES}
    for member in range(3):
        line = found[f"member{member:03d}"]
        assert set(line) == MEMBER_TAGS
        mine = {name: [row for row in table if row["member"] == member] for name, table in rows.items()}
        for name in ("amplitude", "sensitivity", "drift"):
            assert line[f"members/{name}"][1:] == single((row["step"], row[name]) for row in mine["members"])
        scores = {}
        for row in mine["evaluations"]:
            scores.setdefault(row["step"], []).append(row["return"])
        assert line["frozen/return"] == single((step, np.mean(returns)) for step, returns in scores.items())
        ended = [row for row in mine["episodes"] if row["outcome"] != "cut"]
        for name in ("return", "length"):
            before = {r["step"]: [row[name] for row in ended if row["step"] <= r["step"]] for r in mine["members"]}
            assert line[f"training/{name}"] == single((s, np.mean(v[-100:])) for s, v in before.items() if v)


def test_the_population_has_the_statistics_of_its_members(run):
    found = lines(run)
    whole = found.pop("population")
    assert [step for step, _ in whole["population/amplitude"]] == [0, 300, 600, 900, 1200]
    assert [step for step, _ in whole["population/frozen_median"]] == [0, 600, 1200]
    frozen = [[value for _, value in line["frozen/return"]] for line in found.values()]
    for name, statistic in (("median", np.median), ("best", np.max)):
        values = [value for _, value in whole[f"population/frozen_{name}"]]
        np.testing.assert_allclose(values, statistic(frozen, axis=0), rtol=1e-6)
    last = [line["training/return"][-1][1] for line in found.values()]
    np.testing.assert_allclose(whole["population/training_median"][-1][1], np.median(last), rtol=1e-6)
    assert whole["population/solved_frozen"][-1] == (1200, 0.0)


def test_a_stopped_member_has_no_frozen_return_any_more(tmp_path):
    settings = loading.build(SETTINGS | {"steps": 1200, "members": 2})
    trainer = Trainer(settings, tmp_path / "run", [TensorBoardLogger(tmp_path / "run")])
    rates = np.array([1.2e-5, np.inf], np.float32)
    trainer.params = trainer.params._replace(learning=trainer.params.learning._replace(learning_rate=rates))
    trainer.run()
    found, rows = lines(tmp_path / "run"), read_table(tmp_path / "run", "evaluations").to_pylist()
    assert [step for step, _ in found["member001"]["frozen/return"]] == [0]
    last = np.mean([row["return"] for row in rows if row["round"] == 4])
    assert found["population"]["population/frozen_median"][-1][1] == np.float32(last)


@pytest.mark.parametrize("number", [None, 1])
def test_resuming_shows_nothing_twice(run, tmp_path, number):
    train(tmp_path / "run", steps=600)
    train(tmp_path / "run", resume=True, number=number)
    assert len(list((tmp_path / "run" / "tensorboard" / "population").iterdir())) == 2
    assert lines(tmp_path / "run") == lines(run)


def test_the_run_is_the_same_without(run, tmp_path):
    train(tmp_path / "plain", mirrored=False)
    for name in TABLES:
        files = sorted((run / name).iterdir())
        assert [file.read_bytes() for file in files] == [
            (tmp_path / "plain" / name / file.name).read_bytes() for file in files
        ]
    assert not (tmp_path / "plain" / "tensorboard").exists()


def test_a_missing_extra_is_said_before_anything_is_written(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "tensorboardX", None)
    with pytest.raises(RunError, match=r"tensorboardX is not installed; pip install 'dsjax\[tensorboard\]'"):
        TensorBoardLogger(tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_the_flag_mirrors_a_run(tmp_path):
    flags = ["--members", 2, "--steps", 100, "--round-steps", 50, "--evaluation.every", 0, "--backend", "sync"]
    status, output = run_command("train", *flags, "--output", tmp_path / "run", "--tensorboard")
    assert status == 0, output
    assert [step for step, _ in lines(tmp_path / "run")["population"]["population/amplitude"]] == [0, 50, 100]
