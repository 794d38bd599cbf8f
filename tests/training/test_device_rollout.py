"""Rounds on the device. A toy walker stands in where what matters is the order of events, not the physics."""

import os
import subprocess
import sys

import jax
import numpy as np
import pytest
import toy_walker
from helpers import EARLY, ROOT, assert_same_run
from toy_walker import ToyVectorEnv

from dsjax import population
from dsjax.config import loading
from dsjax.storage.states import untrained
from dsjax.storage.tables import read_table
from dsjax.training import device_rollout, device_validation, rollout
from dsjax.training.callbacks import Callback
from dsjax.training.episode_stats import EpisodeStats
from dsjax.training.rollout import round_seeds, training_step
from dsjax.training.trainer import Trainer
from dsjax.walker import episodes

MEMBERS, TICKS = 4, 150
TINY = {
    **EARLY, "members": MEMBERS, "steps": 4 * TICKS, "round_steps": TICKS, "evaluation": {"every": 0},
    "environment": {"backend": "jax"},
}  # fmt: skip
SETTINGS = loading.build(TINY)


@pytest.fixture
def toy(monkeypatch):
    """Let the toy walk in place of the walker."""
    forget = (device_rollout.programs, device_validation.programs)
    for module, cached in zip((device_rollout, device_validation), forget, strict=True):
        monkeypatch.setattr(module, "walks", toy_walker)
        cached.cache_clear()
    yield
    for cached in forget:
        cached.cache_clear()


class Chunks:
    """A pace of chunks of one length."""

    def __init__(self, length):
        self._length = length

    def chunks(self, ticks):
        for first in range(0, ticks, self._length):
            yield first, min(self._length, ticks - first)


def play(seeds, length=64, params=None, check=lambda tick: None, ticks=TICKS):
    """Play a round of the untrained population; return its state, and the episodes as columns."""
    stats = EpisodeStats(MEMBERS)
    params = params or SETTINGS.population_params()
    state = device_rollout.play(
        untrained(SETTINGS), SETTINGS.spec(), params, seeds, ticks, stats, check, Chunks(length)
    )
    return state, stats, stats.end_round(1)


def seeds(active=(True,) * MEMBERS):
    return round_seeds(3, 1, range(MEMBERS), active)


def assert_equal(one, other):
    jax.tree.map(np.testing.assert_array_equal, one, other)


def test_a_round_is_that_of_the_host(toy):
    """The same events. The numbers differ by rounding: XLA fuses one program otherwise than three."""
    who = seeds((True, True, False, True))
    state, stats, columns = play(who)
    host, spec, params = EpisodeStats(MEMBERS), SETTINGS.spec(), SETTINGS.population_params()
    same, _ = rollout.play(training_step(spec), untrained(SETTINGS), params, ToyVectorEnv(), who, TICKS, host)
    others = host.end_round(1)
    assert len(columns["length"]) > 3 * MEMBERS
    for name in ("member", "episode", "step", "length", "outcome"):
        np.testing.assert_array_equal(columns[name], others[name])
    np.testing.assert_allclose(columns["return"], others["return"], atol=1e-3)
    assert int(state.tick) == int(same.tick) == TICKS + 1
    np.testing.assert_allclose(state.members.synapses.center, same.members.synapses.center, atol=1e-5)
    assert not np.array_equal(state.members.synapses.center, untrained(SETTINGS).members.synapses.center)
    assert list(stats.steps) == list(host.steps)


def test_the_length_of_chunks_changes_nothing(toy):
    whole, single = play(seeds(), length=256), play(seeds(), length=7)
    assert_equal(whole[0], single[0])
    assert_equal(whole[2], single[2])


def test_the_state_that_a_round_begins_from_stays(toy):
    """A round that fails begins again from it."""
    state, spec, params = untrained(SETTINGS), SETTINGS.spec(), SETTINGS.population_params()
    first, again = (device_rollout.play(state, spec, params, seeds(), 40, EpisodeStats(MEMBERS)) for _ in range(2))
    assert_equal(first, again)
    assert_equal(state, untrained(SETTINGS))


def test_one_program_serves_every_round(toy):
    program = device_rollout.programs(SETTINGS.spec(), MEMBERS, hardcore=False)
    for length, ticks in ((64, TICKS), (50, 90), (1, 2)):
        play(seeds(), length=length, ticks=ticks)
    assert [part._cache_size() for part in program] == [1, 1]


def test_members_that_are_not_active_stay_as_they_are(toy):
    state, stats, columns = play(seeds((False, True, True, False)))
    assert set(columns["member"].tolist()) == {1, 2}
    assert list(stats.steps > 0) == [False, True, True, False]
    before = untrained(SETTINGS)
    for member in (0, 3):
        centers = (each.members.synapses.center[member] for each in (before, state))
        np.testing.assert_array_equal(*centers)
    alone, _, _ = play(seeds())
    assert_equal(population.select(state, np.array([1, 2])), population.select(alone, np.array([1, 2])))


def test_a_member_that_is_stopped_counts_no_longer(toy):
    params = SETTINGS.population_params()
    rates = np.array([1.2e-5, np.inf, 1.2e-5, 1.2e-5], np.float32)
    params = params._replace(learning=params.learning._replace(learning_rate=rates))
    state, stats, columns = play(seeds(), params=params)
    assert list(np.asarray(state.running)) == [True, False, True, True]
    assert stats.steps[1] < stats.steps[0]
    whole, _, others = play(seeds())
    for name, values in columns.items():
        np.testing.assert_array_equal(
            np.asarray(values)[columns["member"] != 1], np.asarray(others[name])[others["member"] != 1]
        )
    assert_equal(population.select(state, np.array([0, 2, 3])), population.select(whole, np.array([0, 2, 3])))


def test_the_check_may_end_a_round_between_chunks(toy):
    seen = []

    def check(tick):
        seen.append(tick)
        if tick >= 100:
            raise KeyboardInterrupt

    before = untrained(SETTINGS)
    with pytest.raises(KeyboardInterrupt):
        play(seeds(), length=40, check=check)
    assert seen == [38, 78, 118]
    assert_equal(before, untrained(SETTINGS))


def test_a_seed_is_a_key_to_which_all_its_bits_count():
    data = episodes.key_data([2**63 - 1, 5, None, 2**32 + 5])
    assert data.tolist() == [[2**31 - 1, 2**32 - 1], [0, 5], [0, 0], [1, 5]]


def test_the_pace_follows_the_clock(monkeypatch):
    now = [0.0]
    monkeypatch.setattr("dsjax.training.device_rollout.time.monotonic", lambda: now[0])
    pace, lengths = device_rollout.Pace(), []
    for first, length in pace.chunks(1000):
        assert first == sum(lengths)
        lengths.append(length)
        now[0] += length / 64
    assert sum(lengths) == 1000
    assert lengths[:4] == [16, 32, 32, 32]
    slower = []
    for _, length in pace.chunks(100):  # slower by far
        slower.append(length)
        now[0] += length
    assert slower[:7] == [32, 16, 8, 4, 2, 1, 1]


class Stop(Callback):
    """Interrupts a run in a round, as a kill there would."""

    def __init__(self, rounds):
        self._rounds = rounds

    def on_step(self, run, tick):
        if run.stats.rounds == self._rounds:
            raise KeyboardInterrupt


def interrupted(settings, folder):
    with pytest.raises(KeyboardInterrupt):
        Trainer(settings, folder, [Stop(2)]).run()
    trainer = Trainer(loading.read_config(folder / "config.toml"), folder)
    trainer.run(resume=True)
    return trainer


@pytest.mark.parametrize("change", [{}, {"selection": {"every": 1}}, {"evaluation": {"every": 2, "episodes": 1}}])
def test_a_run_that_was_interrupted_equals_an_uninterrupted_one(toy, tmp_path, change):
    settings = loading.build(TINY | change)
    Trainer(settings, tmp_path / "whole").run()
    trainer = interrupted(settings, tmp_path / "interrupted")
    assert trainer.config.environment.backend == "jax"
    assert_same_run(tmp_path / "whole", tmp_path / "interrupted")


def test_a_row_trains_alike_alone(toy, tmp_path):
    settings = loading.build(TINY | {"members": 2, "points": [{}, {"learning.learning_rate": 1e-4}]})
    whole = Trainer(settings, tmp_path / "whole")
    whole.run()
    alone = Trainer(settings.row(3), tmp_path / "alone")
    alone.run()
    mine, among = (read_table(each.folder, "episodes").to_pylist() for each in (alone, whole))
    assert mine == [row | {"member": 0} for row in among if row["member"] == 3]
    assert_equal(alone.state, population.select(whole.state, np.array([3])))


SPREAD = """
import sys
sys.path[:0] = {paths!r}
import toy_walker
from dsjax.config import loading
from dsjax.training import device_rollout, devices, runtime
from dsjax.training.trainer import Trainer
if {toy}:
    device_rollout.walks = toy_walker
settings = loading.build({settings!r})
runtime.prepare(settings.rows, settings.environment)
Trainer(settings, {folder!r}).run()
print(devices.mesh(settings.rows).size)
"""


def spread(folder, devices, toy, settings):
    """Train in a process that has so many devices; return how many it used."""
    flags = f"--xla_force_host_platform_device_count={devices}"
    code = SPREAD.format(paths=[str(ROOT), str(ROOT / "tests")], toy=toy, settings=settings, folder=str(folder))
    environment = os.environ | {"XLA_FLAGS": flags}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return int(done.stdout.split()[-1])


def test_members_on_four_devices_train_to_the_same_bits(toy, tmp_path):
    settings = TINY | {"members": 8, "selection": {"every": 2}}
    assert spread(tmp_path / "four", 4, True, settings) == 4
    Trainer(loading.build(settings), tmp_path / "one").run()
    assert_same_run(tmp_path / "four", tmp_path / "one")


REAL = TINY | {"members": 8}


@pytest.fixture(scope="module")
def walked(tmp_path_factory):
    """Return the folder of a run on the real walker; its program is compiled for this module."""
    folder = tmp_path_factory.mktemp("real") / "whole"
    Trainer(loading.build(REAL), folder).run()
    return folder


@pytest.mark.slow
def test_the_walker_trains_and_resumes_to_the_same_bits(walked, tmp_path):
    rows = read_table(walked, "episodes").to_pylist()
    assert {row["outcome"] for row in rows} <= {"fell", "retreated", "timeout", "cut"}
    assert sum(row["length"] for row in rows) > 0.9 * REAL["members"] * REAL["steps"]
    interrupted(loading.build(REAL), tmp_path / "interrupted")
    assert_same_run(walked, tmp_path / "interrupted")


@pytest.mark.slow
def test_the_walker_on_four_devices_trains_to_the_same_bits(walked, tmp_path):
    assert spread(tmp_path / "four", 4, False, REAL) == 4
    assert_same_run(walked, tmp_path / "four")


@pytest.mark.slow
def test_the_walker_trains_alike_alone(walked, tmp_path):
    alone = Trainer(loading.build(REAL).row(3), tmp_path / "alone")
    alone.run()
    for name in ("episodes", "members"):
        mine, among = (read_table(folder, name).to_pylist() for folder in (alone.folder, walked))
        assert mine == [row | {"member": 0} for row in among if row["member"] == 3]
