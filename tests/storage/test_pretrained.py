import json
import re
from pathlib import Path

import jax
import numpy as np
import pytest

from dsjax.cli.branch import branch_seed
from dsjax.cli.train import parse_train
from dsjax.config import loading
from dsjax.errors import RunError
from dsjax.evaluation.controllers import export, load_controllers
from dsjax.evaluation.score import play
from dsjax.storage import pretrained
from dsjax.storage.metadata import read_sessions
from dsjax.training.trainer import Trainer


@pytest.fixture
def shipped(small_runs, tmp_path, monkeypatch):
    """Let one trained member ship with dsjax, and return its run's Trained."""
    monkeypatch.setattr(pretrained, "FOLDER", tmp_path / "pretrained")
    whole = load_controllers(small_runs / "a")
    export(whole, 1, pretrained.FOLDER / "walker.npz")
    return whole


def test_a_shipped_member_walks_as_it_did_in_its_run(shipped):
    alone = load_controllers("pretrained:walker")
    walked, before = (play(t, [m], range(3), backend="sync") for t, m in ((alone, 0), (shipped, 1)))
    assert [walked[name] for name in ("terrain", "length", "return")] == [
        before[name] for name in ("terrain", "length", "return")
    ]
    np.testing.assert_array_equal(alone.untrained_centers()[0], shipped.untrained_centers()[1])
    assert (alone.name, alone.config) == ("walker", shipped.config.row(1))


# Mean returns of frozen centers over 100 terrains of test-v1: docs/walkers.md.
PUBLISHED = {
    "ambler": 324.7, "runner": 314.0, "strider": 303.7, "pacer": 303.0, "rambler": 302.4, "walker": 257.9,
    "steady": 251.3,
}  # fmt: skip


QUICK = ("ambler", "walker")


@pytest.mark.parametrize(
    "name", [name if name in QUICK else pytest.param(name, marks=pytest.mark.slow) for name in pretrained.names()]
)
def test_what_ships_walks_as_published(name):
    """The mean over the first 20 of the 100 terrains, on which none of the seven differs by 2.6 or more."""
    walked = play(load_controllers(f"pretrained:{name}"), [0], range(20), backend="sync")
    assert np.mean(walked["return"]) == pytest.approx(PUBLISHED[name], abs=3)
    assert set(walked["outcome"]) <= {"finished", "timeout"}


def test_it_says_where_it_comes_from_in_a_few_kilobytes(shipped):
    _, _, origin = pretrained.read("walker")
    session = read_sessions(shipped.folder)[-1]
    assert origin == {
        "run": "a", "member": 1, "round": 4, "steps": int(shipped.steps[1]),
        **{key: session[key] for key in ("command", "git_commit", "versions")},
    }  # fmt: skip
    assert (pretrained.FOLDER / "walker.npz").stat().st_size < 16_000


def test_members_can_begin_as_a_shipped_one(shipped, tmp_path):
    limits = ["--members", "2", "--steps", "200", "--episodes", "0", "--evaluation.every", "0"]
    command = parse_train(["--branch", "pretrained:walker", *limits])
    assert str(command.output) == "runs/pretrained-walker-branch-point0-member0"
    assert (command.settings.seed, command.settings.parent.round) == (branch_seed(shipped.config.seed), 4)
    Trainer(command.settings, tmp_path / "branch").run()
    first = load_controllers(tmp_path / "branch", "0").state.members
    learned = jax.tree.map(lambda leaf: leaf[1], shipped.state.members)
    for member in range(2):
        jax.tree.map(lambda kept, was, row=member: np.testing.assert_array_equal(kept[row], was), first, learned)
    with pytest.raises(RunError, match="pretrained:walker is what a training led to"):
        parse_train(["--from", "pretrained:walker"])
    with pytest.raises(RunError, match="pretrained:walker is as of round 4, not 2; leave out --snapshot"):
        parse_train(["--branch", "pretrained:walker", "--snapshot", "2"])


def test_a_name_that_is_not_there_is_told_with_those_that_are(shipped):
    with pytest.raises(RunError, match=r"^pretrained:runner: there is no such controller; there are walker$"):
        load_controllers(Path("pretrained:runner"))


def test_only_members_of_runs_are_exported(shipped):
    with pytest.raises(RunError, match="has no member 7"):
        export(shipped, 7, pretrained.FOLDER / "other.npz")
    with pytest.raises(RunError, match=r"^pretrained:walker is a controller's file already$"):
        export(load_controllers("pretrained:walker"), 0, pretrained.FOLDER / "other.npz")
    assert pretrained.names() == ["walker"]


LEARNS = {
    "members": 2, "steps": 400, "round_steps": 200, "environment": {"backend": "sync"}, "evaluation": {"every": 0},
    "learning": {"baseline_time": 3300.0, "fade_reward": 0.1, "averaging_time": 3300.0, "optimizer": "momentum"},
}  # fmt: skip


def test_a_branch_from_a_file_is_a_branch_from_the_snapshot(tmp_path):
    """All that a member goes on from is in its file: expected reward, momentum, average, phases, rounding errors."""
    Trainer(loading.build(LEARNS), tmp_path / "run").run()
    export(load_controllers(tmp_path / "run"), 1, tmp_path / "member.npz")
    limits = ["--members", "3", "--steps", "200", "--episodes", "0"]
    for name, origin in (("run", ["--member", "1"]), ("member.npz", [])):
        command = parse_train(["--branch", str(tmp_path / name), *origin, *limits])
        Trainer(command.settings, tmp_path / f"branch-{name}").run()
    ours, theirs = (load_controllers(tmp_path / f"branch-{name}").state for name in ("run", "member.npz"))
    jax.tree.map(np.testing.assert_array_equal, ours, theirs)
    assert float(ours.members.learning.baseline[0]) != 0


def test_a_file_of_the_first_format_still_walks(shipped, tmp_path):
    """It holds average centers, sensitivity and fade alone."""
    config, arrays, origin = pretrained.read("walker")
    old = {
        "center": arrays["members.learning.average"][0], "sensitivity": arrays["members.neurons.sensitivity"][0],
        "fade": arrays["members.synapses.fade"][0], "config": loading.to_toml(config), "origin": json.dumps(origin),
    }  # fmt: skip
    np.savez(tmp_path / "old.npz", **old)
    walked = [play(load_controllers(place), [0], range(2), backend="sync")
              for place in (tmp_path / "old.npz", "pretrained:walker")]  # fmt: skip
    assert walked[0] == walked[1]


def test_a_file_elsewhere_is_named_by_its_path(shipped, tmp_path):
    export(shipped, 1, tmp_path / "mine.npz")
    for place in (tmp_path / "mine.npz", f"pretrained:{tmp_path / 'mine.npz'}"):
        found = load_controllers(place)
        assert (found.name, found.in_run(), found.config) == ("mine", False, shipped.config.row(1))
    assert str(parse_train(["--branch", str(tmp_path / "mine.npz")]).output) == "runs/mine-branch-point0-member0"
    with pytest.raises(RunError, match=r"absent\.npz: there is no such file"):
        load_controllers(tmp_path / "absent.npz")
    (tmp_path / "broken.npz").write_bytes((tmp_path / "mine.npz").read_bytes()[:500])
    with pytest.raises(RunError, match=r"broken\.npz: is no controller's file, or damaged: "):
        load_controllers(tmp_path / "broken.npz")


@pytest.mark.parametrize(
    ("name", "output", "message"),
    [
        ("walker", None, "walker.npz is there already; choose another name, or replace it with --force"),
        ("../walker", None, "--name ../walker: must be letters, digits, - and _, as in walker-2"),
        ("-walker", None, "--name -walker: must be letters"),
        (None, Path("walker.pkl"), "--output walker.pkl: must end in .npz"),
        (None, None, "give either --name, to let it ship with dsjax, or --output FILE.npz"),
        ("new", Path("new.npz"), "give either --name, to let it ship"),
    ],
)
def test_nothing_is_overwritten_unasked(shipped, name, output, message):
    with pytest.raises(RunError, match=re.escape(message)):
        pretrained.new_file(name, output, force=False)


def test_what_is_there_is_replaced_if_asked(shipped):
    assert pretrained.new_file("walker", None, force=True) == pretrained.FOLDER / "walker.npz"


def test_a_shipped_walker_that_learns_on_keeps_walking(tmp_path):
    """It comes with the reward that it has learned to expect: without it, its amplitude grows back, and it unlearns."""
    limits = ["--members", "2", "--steps", "6000", "--round-steps", "6000", "--evaluation.every", "0"]
    command = parse_train(["--branch", "pretrained:ambler", *limits, "--backend", "sync"])
    before = load_controllers("pretrained:ambler").state.members
    trainer = Trainer(command.settings, tmp_path / "branch")
    trainer.run()
    fade = np.asarray(trainer.state.members.synapses.fade)
    np.testing.assert_allclose(fade, float(before.synapses.fade[0]), atol=0.2)
    assert trainer.stats.training_return().min() > 180
