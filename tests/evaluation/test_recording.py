import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from dsjax import learning, oscillator, population
from dsjax.config import loading
from dsjax.controller import TIME_STEP
from dsjax.envs.task import CONTACTS
from dsjax.errors import RunError
from dsjax.evaluation import recording
from dsjax.evaluation.controllers import load_controllers
from dsjax.evaluation.score import score_run
from dsjax.oscillator import OscillatorState
from dsjax.training.trainer import Trainer

MEMBER = 1
ROUNDING = 1e-6


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("recording") / "run"
    settings = {"members": 3, "steps": 200, "round_steps": 200, "evaluation": {"every": 0}}
    Trainer(loading.build(settings), folder).run()
    return folder


@pytest.fixture(scope="module")
def trained(run):
    return load_controllers(run)


@pytest.fixture(scope="module")
def learned(trained):
    return recording.record(trained, MEMBER, "learning", terrain=3, episodes=2)


def test_an_episode_has_a_row_per_observation(learned):
    for rows, length in zip(learned.episodes, learned.lengths, strict=True):
        assert length == rows.stop - rows.start - 1 > 0
        assert np.flatnonzero(learned.starts[rows]).tolist() == [0]
        assert np.flatnonzero(learned.ends[rows]).tolist() == [length]
        assert learned.reward[rows.start] == 0
        np.testing.assert_allclose(np.diff(learned.time[rows]), TIME_STEP)
    assert learned.episodes[-1].stop == len(learned.time)
    assert learned.time[-1] == TIME_STEP * learned.lengths.sum()
    for acting in (learned.action, learned.activity, learned.current):
        np.testing.assert_array_equal(np.isnan(acting).all(axis=1), learned.ends)
        np.testing.assert_array_equal(np.isnan(acting).any(axis=1), learned.ends)


def test_learning_follows_the_definitions(learned, trained):
    spec, params = trained.config.spec(), trained.config.params()
    before, after = slice(None, -1), slice(1, None)
    steps = np.flatnonzero(~learned.starts[after])  # the synapses rest where an episode starts
    weight, center = learned.weight[after][steps], learned.center[before][steps]
    amplitude = learned.amplitude[before][steps]
    assert np.all(np.abs(weight - center) <= amplitude + ROUNDING)
    np.testing.assert_array_equal(
        learned.modulator, learning.modulator(learned.reward.astype(np.float32), spec.learning, params.learning)
    )
    rate = params.learning.learning_rate * TIME_STEP * learned.modulator[after][steps, None]
    np.testing.assert_allclose(learned.center[after][steps], center + rate * (weight - center), atol=ROUNDING)
    np.testing.assert_array_equal(
        learned.weight[after][learned.starts[after]], learned.weight[before][learned.starts[after]]
    )
    fading = params.learning.amplitude_decay * TIME_STEP * np.cumsum(learned.modulator, dtype=float)
    np.testing.assert_allclose(learned.amplitude, learned.amplitude[0] * np.exp(-fading)[:, None], rtol=1e-6)


def test_what_is_never_delivered_is_not_recorded_as_learned_from(tmp_path):
    settings = {"preset": "readme", "members": 2, "steps": 200, "round_steps": 200, "evaluation": {"every": 0}}
    Trainer(loading.build(settings), tmp_path / "run").run()
    seen = recording.record(load_controllers(tmp_path / "run"), 0, "learning", episodes=2)
    assert not seen.modulator[seen.ends].any()
    assert seen.reward[seen.ends].all()
    np.testing.assert_array_equal(seen.modulator[~seen.ends], seen.reward.astype(np.float32)[~seen.ends])
    np.testing.assert_array_equal(seen.center[seen.ends], seen.center[np.flatnonzero(seen.ends) - 1])


def test_the_recorded_input_drives_the_recorded_oscillators(learned):
    for t in range(1, 40):
        state = OscillatorState(jnp.asarray(learned.v[t - 1]), jnp.asarray(learned.w[t - 1]))
        if not learned.ends[t]:
            state = oscillator.step(state, jnp.asarray(learned.current[t]), learned.oscillator, TIME_STEP)
        np.testing.assert_allclose(learned.v[t], state.v, atol=ROUNDING)
        np.testing.assert_allclose(learned.w[t], state.w, atol=ROUNDING)


def test_learning_is_what_training_would_have_done(learned, trained):
    # Of the whole population, as training steps it, only the recorded member sees what it saw.
    spec, params = trained.config.spec(), trained.params()
    step = jax.jit(lambda state, *seen: population.step(state, *seen, spec, params))
    state = trained.state
    for t in range(len(learned.time)):
        seen = (learned.observation[t], learned.reward[t], learned.starts[t], learned.ends[t])
        state, action, _ = step(state, *(np.stack([value] * 3) for value in seen))
        if not learned.ends[t]:
            np.testing.assert_array_equal(action[MEMBER], learned.action[t])
        np.testing.assert_array_equal(state.members.synapses.weight[MEMBER], learned.weight[t])


@pytest.mark.parametrize("mode", ["centers", "oscillating"])
def test_without_learning_an_episode_is_that_of_the_scores(run, trained, mode):
    table = score_run(run, episodes=3, members=(MEMBER,), weights=mode).table
    seen = recording.record(trained, MEMBER, mode, terrain=1, episodes=2)
    assert seen.lengths.tolist() == table["length"].to_pylist()[1:]
    assert seen.outcome.tolist() == table["outcome"].to_pylist()[1:]
    np.testing.assert_allclose(seen.returns, table["return"].to_pylist()[1:], rtol=1e-12)
    for kept in (seen.center, seen.amplitude, seen.sensitivity):
        np.testing.assert_array_equal(kept, np.broadcast_to(kept[:1], kept.shape))
    assert not seen.modulator.any()
    if mode == "centers":
        np.testing.assert_array_equal(seen.weight, seen.center)
        assert not len(seen.crossings(0))
    else:
        assert np.all(np.abs(seen.weight - seen.center) <= seen.amplitude + ROUNDING)
        assert np.ptp(seen.weight, axis=0).min() > 0


def test_crossings_are_those_that_counting_finds_and_begin_new_cycles(trained):
    # An episode is shorter than a cycle here: of 438 weights many still cross.
    seen = recording.record(trained, MEMBER, "learning")
    found = 0
    for index in range(438):
        expected = []
        for t in range(1, len(seen.time)):
            last, now, center = seen.weight[t - 1, index], seen.weight[t, index], seen.center[t, index]
            if last < center <= now:
                expected.append(t)
        assert seen.crossings(index).tolist() == expected
        renewed = np.flatnonzero(np.diff(seen.period[:, index])) + 1
        assert renewed.tolist() == expected
        found += len(expected)
    assert found > 10


def test_oscillation_that_begins_anew_is_no_crossing(trained):
    seen = recording.record(trained, MEMBER, "oscillating", episodes=3)
    rows = np.concatenate([seen.crossings(index) for index in range(438)])
    assert len(rows)
    assert not seen.starts[rows].any()


def test_what_is_saved_is_what_is_loaded(learned, tmp_path):
    path = tmp_path / "recording.npz"
    learned.save(path)
    again = recording.read_recording(path)
    for field in dataclasses.fields(learned):
        before, after = getattr(learned, field.name), getattr(again, field.name)
        assert type(before) is type(after), field.name
        np.testing.assert_array_equal(before, after)
    assert again.oscillator == learned.oscillator
    assert [file.name for file in path.parent.iterdir()] == ["recording.npz"]


def test_the_untrained_centers_are_those_of_round_0(run, learned):
    first = recording.record(load_controllers(run, "0"), MEMBER, "centers")
    np.testing.assert_array_equal(first.center[0], learned.untrained_center)
    assert np.any(learned.center[0] != learned.untrained_center)


def test_a_member_that_is_not_finite_is_said_to_be(trained):
    members = trained.state.members
    nowhere = members.synapses.center * jnp.nan
    broken = members._replace(
        synapses=members.synapses._replace(center=nowhere, weight=nowhere),
        learning=members.learning._replace(average=nowhere),
    )
    state = trained.state._replace(members=broken)
    for mode in ("learning", "centers"):
        with pytest.raises(RunError, match="member 1 cannot walk: its action is not finite"):
            recording.record(dataclasses.replace(trained, state=state), MEMBER, mode)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"member": 3}, "has no member 3"),
        ({"member": 0, "terrain": -1}, "--terrain -1: terrains are numbered from 0"),
        ({"member": 0, "episodes": 0}, "--episodes 0: at least 1 is needed"),
    ],
)
def test_what_is_not_there_is_said(trained, options, message):
    with pytest.raises(RunError, match=message):
        recording.record(trained, **options)


@pytest.mark.parametrize("share", [0.0, 0.5])
def test_layer_1_is_recorded_with_an_amplitude_of_its_own(tmp_path, share):
    settings = {"members": 1, "steps": 20, "round_steps": 20, "evaluation": {"every": 0}}
    Trainer(loading.build(settings | {"controller": {"input_amplitude": share}}), tmp_path / "run").run()
    seen = recording.record(load_controllers(tmp_path / "run"), 0, "oscillating", terrain=3)
    away, first = np.abs(seen.weight - seen.center), 8 * 43
    assert np.all(away <= seen.amplitude + ROUNDING)
    np.testing.assert_allclose(seen.amplitude[:, :first], share * seen.amplitude[:, first:].max(), rtol=1e-6)
    assert away[:, :first].max() == pytest.approx(share * 0.2, rel=0.01)
    assert away[:, first:].max() == pytest.approx(0.2, rel=0.01)


def test_a_recording_of_dsjax_0_2_has_the_contacts_that_the_walker_sensed(learned, tmp_path):
    learned.save(tmp_path / "new.npz")
    with np.load(tmp_path / "new.npz") as file:
        np.savez(tmp_path / "old.npz", **{name: file[name] for name in file if name not in ("who", "touching")})
    old = recording.read_recording(tmp_path / "old.npz")
    assert old.title == learned.title
    np.testing.assert_array_equal(old.touching, learned.observation[:, CONTACTS] > 0)


def test_legs_touch_the_ground_at_least_where_the_walker_senses_it(learned):
    sensed = learned.observation[:, CONTACTS] > 0
    assert sensed.any() and (learned.touching & ~sensed).any()
    assert not (sensed & ~learned.touching).any()


def test_an_older_recording_is_refused(learned, tmp_path):
    learned.save(tmp_path / "new.npz")
    with np.load(tmp_path / "new.npz") as file:
        arrays = dict(file) | {"amplitude": file["amplitude"][:, 0]}
    np.savez(tmp_path / "old.npz", **arrays)
    with pytest.raises(RunError, match=r"old\.npz: recorded by an older dsjax, without each synapse's own amplitude"):
        recording.read_recording(tmp_path / "old.npz")
