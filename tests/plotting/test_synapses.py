import dataclasses

import numpy as np
import pytest
from helpers import run_command

from dsjax import oscillator
from dsjax.config import loading
from dsjax.envs.task import CONTACTS
from dsjax.errors import RunError
from dsjax.evaluation import recording
from dsjax.evaluation.controllers import export, load_controllers
from dsjax.evaluation.recording import MODES
from dsjax.oscillator import OscillatorState
from dsjax.plotting import synapses
from dsjax.plotting.oscillators import _close_up
from dsjax.plotting.synapse_names import ANGLES, Synapse
from dsjax.plotting.synapses import (
    draw,
    draw_run,
    gait,
    moved_farthest,
    neurons,
    oscillators,
    trajectories,
    weights,
)
from dsjax.training.trainer import Trainer


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("dynamics") / "run"
    settings = {"members": 2, "steps": 200, "round_steps": 200, "evaluation": {"every": 0}}
    Trainer(loading.build(settings), folder).run()
    return folder


@pytest.fixture(scope="module")
def recordings(run):
    """One recording per mode, of untrained walkers' episodes, which are shorter than a weight's cycle."""
    return {mode: recording.record(load_controllers(run), 1, mode, episodes=2) for mode in MODES}


@pytest.fixture(scope="module")
def seen(recordings):
    return recordings["learning"]


@pytest.fixture(scope="module")
def chosen(seen):
    """Three synapses, the first of which crosses its center at least once."""
    first = max(range(8), key=lambda row: len(seen.crossings(Synapse(1, row, 0).index)))
    return [Synapse(1, first, 0), Synapse(3, 0, 1), Synapse(4, 2, 3)]


def lines(axis):
    return [line.get_xydata() for line in axis.lines]


def drawn(axis, x, y):
    """Return whether a line of the axis has exactly these points."""
    return any(np.array_equal(line, np.column_stack([x, y]), equal_nan=True) for line in lines(axis))


@pytest.mark.parametrize("mode", MODES)
def test_every_figure_says_what_it_shows(recordings, mode):
    seen = recordings[mode]
    figures = draw(seen, moved_farthest(seen))
    assert list(figures) == ["weights", "trajectories", "oscillators", "neurons", "gait"]
    for name, figure in figures.items():
        figure.draw_without_rendering()
        title = figure.get_suptitle()
        for part in (
            "run, round 1, member 1",
            MODES[mode],
            "test-v1, terrains 0 to 1",
            f"{seen.returns.mean():.1f}",
        ):
            assert part in title, name
        width, height = figure.get_size_inches() * figure.dpi
        boxes = [legend.get_window_extent() for legend in figure.legends]
        for box in (*boxes, figure._suptitle.get_window_extent()):
            assert min(box.x0, box.y0, width - box.x1, height - box.y1) >= 0, name
            assert not any(box.overlaps(axis.get_window_extent()) for axis in figure.axes), name


def test_weights_are_the_recorded_ones(seen, chosen):
    axes = weights(seen, chosen).axes
    assert [axis.get_ylabel() for axis in axes] == [*["weight"] * 3, "modulator", "change [ppm]", "period [s]"]
    assert axes[-1].get_xlabel() == "controller time [s]"
    for axis, synapse in zip(axes, chosen, strict=False):
        assert axis.get_title(loc="left") == synapse.name
        assert drawn(axis, seen.time / 1000, seen.weight[:, synapse.index])
        assert drawn(axis, seen.time / 1000, seen.center[:, synapse.index])
        rows = seen.crossings(synapse.index)
        assert drawn(axis, seen.time[rows] / 1000, seen.center[rows, synapse.index])
    assert drawn(axes[3], seen.time / 1000, seen.modulator)


def test_without_learning_the_reward_takes_the_modulators_place(recordings, chosen):
    seen = recordings["centers"]
    axis = weights(seen, chosen).axes[3]
    assert axis.get_ylabel() == "reward"
    assert drawn(axis, seen.time / 1000, seen.reward)


def test_the_section_holds_the_weights_at_crossings(seen, chosen):
    # Of an endless sine all is known: three synapses of periods 100, 50 and 100 steps, the last a quarter ahead.
    rows = np.arange(1001)
    sine = [
        np.sin(2 * np.pi * (rows / 100 + 0.005)),
        np.sin(4 * np.pi * (rows / 100 + 0.005)),
        np.cos(2 * np.pi * (rows / 100 + 0.005)),
    ]
    at = [synapse.index for synapse in chosen]
    center = np.zeros((1001, 438))
    weight = np.tile(0.1 * sine[0][:, None], 438)
    weight[:, at] = 0.1 * np.array(sine).T
    columns = {"weight": weight, "center": center, "time": 33.0 * rows, "amplitude": np.full((1001, 438), 0.1)}
    once = rows == 0
    regular = dataclasses.replace(
        seen, **columns, starts=once, ends=rows == 1000, reward=np.zeros(1001), outcome=np.array(["timeout"])
    )
    assert regular.crossings(at[0]).tolist() == list(range(100, 1001, 100))
    plane, space, section, again, _ = trajectories(regular, chosen).axes
    points = section.collections[-1].get_offsets()
    np.testing.assert_allclose(points, [[np.sin(0.02 * np.pi), np.cos(0.01 * np.pi)]] * 10, atol=1e-9)
    assert "10 upward crossings of " + chosen[0].place in section.get_title(loc="left")
    # What keeps in step is on the return map's diagonal.
    everything = again.collections[0].get_offsets()
    assert len(everything) == 9 * 437
    np.testing.assert_allclose(everything[:, 0], everything[:, 1], atol=1e-9)
    np.testing.assert_array_equal(plane.collections[0].get_offsets(), weight[:, at[:2]])
    assert space.get_zlabel() == chosen[2].place


def test_phases_drawn_anew_do_not_follow_on_each_other(recordings):
    seen = recordings["oscillating"]
    starts = np.flatnonzero(seen.starts)
    rows = np.array([1, 5, starts[1] + 2, starts[1] + 3])
    assert synapses._followed(seen, rows).tolist() == [0, 2]
    assert synapses._followed(recordings["learning"], rows).tolist() == [0, 1, 2]


def test_nullclines_are_where_the_field_vanishes(seen):
    figure = oscillators(seen)
    for number, axis in enumerate(figure.axes[1:4:2]):
        current = seen.current[:, number]
        *cubic, straight = lines(axis)
        assert len(cubic) == 2
        for points, value in zip(cubic, (np.nanmin(current), np.nanmax(current)), strict=True):
            field = oscillator.field(OscillatorState(*points.T), value, seen.oscillator._replace(coupling=0.0))
            np.testing.assert_allclose(field.v, 0, atol=1e-6)
        field = oscillator.field(OscillatorState(*straight.T), 0.0, seen.oscillator._replace(coupling=0.0))
        np.testing.assert_allclose(field.w, 0, atol=1e-6)
        assert (axis.get_ylabel(), axis.get_title(loc="left")[:6]) == ("w", "I from")


def test_the_close_up_is_of_the_longest_episode(seen, recordings):
    for each in (seen, *recordings.values()):
        rows, label = _close_up(each)
        episode = each.episodes[int(np.argmax(each.lengths))]
        assert episode.start <= rows.start < rows.stop <= episode.stop
        assert rows.stop - rows.start == min(240, episode.stop - episode.start)
        assert label.startswith(f"{rows.stop - rows.start} steps")


def test_neurons_are_measured_against_their_target(seen):
    close, mean, change, *_ = neurons(seen).axes
    np.testing.assert_allclose([bar.get_width() for bar in mean.patches], np.nanmean(seen.activity, axis=0))
    assert lines(mean)[0][:, 0].tolist() == [seen.target] * 2
    for number, points in enumerate(lines(change)):
        np.testing.assert_allclose(
            1 + points[:, 1] / 100, seen.sensitivity[:, number] / seen.sensitivity[0, number], atol=1e-6
        )
    assert (change.get_ylabel(), close.get_xlabel()) == ("change [%]", "controller time [s]")


def test_the_gait_diagram_shows_each_contact(seen):
    rows, _ = _close_up(seen)
    axes = gait(seen).axes
    seconds = seen.time[rows] / 1000
    for place, axis in enumerate(axes[:4]):
        for leg in (0, 1):
            joint = 2 * leg + place % 2
            values = seen.observation[rows, ANGLES[joint]] if place < 2 else seen.action[rows, joint]
            assert drawn(axis, seconds, values)
    sensed = seen.observation[:, CONTACTS] > 0
    assert not (sensed & ~seen.touching).any()
    drawn_bars = iter(axes[4].collections)
    for leg in (0, 1):
        for there in (seen.touching & ~sensed, sensed):  # pale, then full
            starts = sorted(path.vertices[:, 0].min() for path in next(drawn_bars).get_paths())
            np.testing.assert_allclose(starts, seconds[there[rows, leg]])
    assert [label.get_text() for label in axes[4].get_yticklabels()] == ["leg 1", "leg 2"]


def test_the_script_writes_figures_and_the_recording(run):
    status, output = run_command("dynamics", run, "--member", 1, "--mode", "oscillating", "--snapshot", 0)
    assert status == 0, output
    names = [f"dynamics-member1-{kind}" for kind in ("weights", "trajectories", "oscillators", "neurons", "gait")]
    expected = ["dynamics-member1.npz", *(f"{name}.{kind}" for name in names for kind in ("png", "pdf"))]
    assert output.split() == [str(run / "figures" / name) for name in expected]
    assert {path.name for path in (run / "figures").iterdir()} == set(expected)
    saved = recording.read_recording(run / "figures" / "dynamics-member1.npz")
    assert (saved.run, saved.round, saved.member, saved.mode) == ("run", 0, 1, "oscillating")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--member", 7), "{run} has no member 7; its members are 0 to 1"),
        (("--snapshot", 9), "no snapshot of round 9"),
        (("--synapses", "4:0,2", "1:3", "3:0,0"), "--synapses 1:3: must be layer:row,column, such as 4:0,2"),
        (("--synapses", "4:0,2"), "--synapses 4:0,2: three different ones are needed"),
    ],
)
def test_bad_input_gets_one_line(run, arguments, message):
    status, output = run_command("dynamics", run, *arguments)
    assert status == 2
    assert output.startswith("error: ")
    assert message.format(run=run) in output
    assert output.count("\n") == 1


def test_a_folder_that_cannot_be_written_is_said_to_be(run, tmp_path):
    taken = tmp_path / "taken"
    taken.write_text("")
    with pytest.raises(RunError, match=f"{taken}: cannot write: File exists"):
        draw_run(run, output=taken)
    assert [path.name for path in tmp_path.iterdir()] == ["taken"]


def test_no_run_or_no_snapshot_yet(tmp_path):
    status, output = run_command("dynamics", tmp_path / "absent")
    assert (status, output.strip()) == (2, f"error: {tmp_path / 'absent'}: there is no run here")
    (tmp_path / "config.toml").write_text(loading.to_toml(loading.build({"members": 2})))
    status, output = run_command("dynamics", tmp_path)
    assert (status, output.strip()) == (2, f"error: {tmp_path}: there is no snapshot yet")


def test_a_controllers_file_is_drawn_under_its_name_alone(run, tmp_path):
    export(load_controllers(run), 1, tmp_path / "mine.npz")
    paths = draw_run(tmp_path / "mine.npz", mode="centers", output=tmp_path)
    assert {path.name for path in paths} >= {"dynamics-mine.npz", "dynamics-mine-gait.png"}
    assert recording.read_recording(paths[0]).title.startswith("mine, frozen centers\ntest-v1, terrain 0: ")


def test_a_change_of_the_amplitude_is_drawn_in_a_unit_of_its_size(seen, chosen):
    for change, label, top in ((5e-5, "change [ppm]", 50), (0.02, "change [%]", 2)):
        growing = seen.amplitude[0] * np.linspace(1, 1 + change, len(seen.time))[:, None]
        axis = weights(dataclasses.replace(seen, amplitude=growing), chosen).axes[4]
        assert axis.get_ylabel() == label
        assert lines(axis)[0][-1, 1] == pytest.approx(top, rel=1e-6)


def test_what_does_not_swing_is_neither_followed_nor_mapped(seen):
    """Layer 1 keeps still, as in configs/solve.toml: its 344 synapses have no crossings and no place in a swing."""
    still = np.arange(438) < 8 * 43
    weight, amplitude = np.where(still, seen.center, seen.weight), np.where(still, 0, seen.amplitude)
    quiet = dataclasses.replace(seen, weight=weight, amplitude=amplitude)
    chosen = moved_farthest(quiet)
    assert [synapse.layer for synapse in chosen] in ([3, 3, 4], [3, 4, 4])
    assert len(set(chosen)) == 3
    rows = np.array([1, 2, 3])
    deviation = synapses._deviation(quiet, rows)
    assert np.isnan(deviation[:, still]).all() and np.isfinite(deviation[:, ~still]).all()
    figure = weights(quiet, chosen)
    assert "0 of layer 1, which rests (input_amplitude 0)" in figure.axes[4].get_title(loc="left")
    assert "of the 94 synapses that oscillate" in figure.axes[5].get_title(loc="left")
    again = trajectories(quiet, chosen).axes[3]
    assert len(again.collections[0].get_offsets()) % 93 == 0  # the 94 that swing but for the first followed
