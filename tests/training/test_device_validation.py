"""Evaluations on the device, of a toy walker: see `test_device_rollout`."""

import numpy as np
import pytest
import toy_walker
from helpers import EARLY

from dsjax.analysis.comparison import compare
from dsjax.config import loading
from dsjax.storage.run import read_run
from dsjax.storage.states import untrained
from dsjax.storage.tables import read_table
from dsjax.training import device_rollout, device_validation
from dsjax.training.trainer import Trainer

MEMBERS = 4
SETTINGS = loading.build({**EARLY, "members": MEMBERS, "environment": {"backend": "jax"}})


@pytest.fixture(autouse=True)
def toy(monkeypatch):
    """Let the toy walk in place of the walker."""
    for module in (device_rollout, device_validation):
        monkeypatch.setattr(module, "walks", toy_walker)
        module.programs.cache_clear()
    yield
    for module in (device_rollout, device_validation):
        module.programs.cache_clear()


def evaluate(members, terrains, check=lambda done: None):
    state, params = untrained(SETTINGS), SETTINGS.population_params()
    columns = device_validation.evaluate(state, SETTINGS.spec(), params, members, terrains, check)
    return list(zip(*columns.values(), strict=True))


def test_every_member_meets_every_terrain_once():
    told = []
    rows = evaluate([0, 1, 3], range(2, 5), told.append)
    assert [row[:2] for row in rows] == [(member, terrain) for member in (0, 1, 3) for terrain in (2, 3, 4)]
    assert {row[4] for row in rows} <= {"fell", "retreated", "timeout"}
    for _, _, length, _, outcome in rows:
        assert (length == 40) if outcome == "timeout" else (0 < length <= 40)
    assert told == sorted(told)
    assert told[0] == 0 and told[-1] < 1
    assert len({row[3] for row in rows}) > 3  # terrains differ, and members do


def test_an_episode_depends_on_its_member_and_terrain_alone():
    """Not on what is played beside it, nor in which order."""
    whole = evaluate([0, 1, 2, 3], range(3))
    assert evaluate([2], range(1, 3)) == [row for row in whole if row[0] == 2 and row[1] > 0]


def test_terrains_are_none_of_training():
    """The keys of training are of 63 bits; those of evaluations have all the bits that these lack."""
    assert device_validation._FIRST_HALF >= 2**31


def test_an_episode_is_the_walkers(monkeypatch):
    """Length and return are those of the toy, stepped by hand with the actions of the same controller."""
    import jax

    from dsjax.evaluation.evaluate import step

    state, params = untrained(SETTINGS), SETTINGS.population_params()
    [(_, _, length, total, _)] = evaluate([1], [5])
    keys = jax.random.wrap_key_data(np.array([[2**32 - 1, 5]] * MEMBERS, np.uint32))
    walkers, observation = toy_walker.begin(keys, np.zeros(MEMBERS, bool))
    states, reward, over, age = state.members, 0.0, False, 0
    while not over:
        states, action, _ = step(
            state.key, np.full(MEMBERS, 5), np.full(MEMBERS, age), states, observation, np.full(MEMBERS, age == 0),
            params, spec=SETTINGS.spec(), oscillating=False, terrain_set="validation-v1",
        )  # fmt: skip
        walkers, observation, gained, terminated, truncated = toy_walker.step(walkers, action)
        reward, age = reward + float(gained[1]), age + 1
        over = bool(terminated[1] | truncated[1])
    assert length == age
    assert total == pytest.approx(reward, abs=1e-3)


def test_a_large_population_is_evaluated_on_its_own_walkers_and_says_so(monkeypatch, tmp_path):
    monkeypatch.setattr("dsjax.training.walkers.DEVICE_EVALUATION_MEMBERS", MEMBERS)
    changes = {"steps": 60, "round_steps": 30, "evaluation": {"every": 1, "episodes": 2}}
    settings = loading.build({**EARLY, "members": MEMBERS, "environment": {"backend": "jax"}, **changes})
    Trainer(settings, tmp_path / "run").run()
    table = read_table(tmp_path / "run", "evaluations")
    assert len(table) == 3 * 2 * MEMBERS
    assert set(table["terrains"].to_pylist()) == {"validation-jax-v1"}
    [note] = read_run(tmp_path / "run").notes
    assert "evaluated in training on the JAX walkers and their terrains, validation-jax-v1" in note
    comparison = compare([tmp_path / "run"])
    assert comparison.terrains == "validation-jax-v1"
    assert note in comparison.notes
