from pathlib import Path

import jax
import numpy as np
import pytest

from dsjax import pretrained, trained
from dsjax.command import parse_train
from dsjax.records import RunError, read_sessions
from dsjax.scoring import play
from dsjax.training import Trainer


@pytest.fixture
def shipped(small_runs, tmp_path, monkeypatch):
    """Let one trained member ship with dsjax, and return its run's Trained."""
    monkeypatch.setattr(pretrained, "FOLDER", tmp_path / "pretrained")
    whole = trained.load(small_runs / "a")
    trained.export(whole, 1, pretrained.FOLDER / "walker.npz")
    return whole


def test_a_shipped_member_walks_as_it_did_in_its_run(shipped):
    alone = trained.load("pretrained:walker")
    walked, before = (play(t, [m], range(3), backend="sync") for t, m in ((alone, 0), (shipped, 1)))
    assert [walked[name] for name in ("terrain", "length", "return")] == [
        before[name] for name in ("terrain", "length", "return")
    ]
    np.testing.assert_array_equal(alone.untrained_centers()[0], shipped.untrained_centers()[1])
    assert (alone.name, alone.config) == ("walker", shipped.config.row(1))


@pytest.mark.parametrize("name", pretrained.names())
def test_what_ships_walks(name):
    """A first terrain alone, which each of them masters; docs/results.md says what they score on a hundred."""
    walked = play(trained.load(f"pretrained:{name}"), [0], range(1), backend="sync")
    assert walked["return"][0] > 200


def test_it_says_where_it_comes_from_in_a_few_kilobytes(shipped):
    _, _, origin = pretrained.read("walker")
    session = read_sessions(shipped.folder)[-1]
    assert origin == {
        "run": "a", "member": 1, "round": 4, "steps": int(shipped.steps[1]),
        **{key: session[key] for key in ("command", "git_commit", "versions")},
    }  # fmt: skip
    assert (pretrained.FOLDER / "walker.npz").stat().st_size < 8000


def test_members_can_begin_as_a_shipped_one(shipped, tmp_path):
    limits = ["--members", "2", "--steps", "200", "--episodes", "0", "--evaluation.every", "0"]
    command = parse_train(["--branch", "pretrained:walker", *limits])
    assert str(command.output) == "runs/pretrained-walker-branch-point0-member0"
    assert (command.settings.seed, command.settings.parent.round) == (shipped.config.seed + 1, 4)
    Trainer(command.settings, tmp_path / "branch").run()
    first = trained.load(tmp_path / "branch", "0").state.members
    learned = jax.tree.map(lambda leaf: leaf[1], shipped.state.members)
    for member in range(2):
        np.testing.assert_array_equal(first.synapses.center[member], learned.learning.average)
        np.testing.assert_array_equal(first.neurons.sensitivity[member], learned.neurons.sensitivity)
        assert first.synapses.fade[member] == learned.synapses.fade
    with pytest.raises(RunError, match="pretrained:walker is what a training led to"):
        parse_train(["--from", "pretrained:walker"])
    with pytest.raises(RunError, match="pretrained:walker is as of round 4, not 2; leave out --snapshot"):
        parse_train(["--branch", "pretrained:walker", "--snapshot", "2"])


def test_a_name_that_is_not_there_is_told_with_those_that_are(shipped):
    with pytest.raises(RunError, match=r"^pretrained:runner: there is no such controller; there are walker$"):
        trained.load(Path("pretrained:runner"))


def test_only_members_of_runs_are_exported(shipped):
    with pytest.raises(RunError, match="has no member 7"):
        trained.export(shipped, 7, pretrained.FOLDER / "other.npz")
    with pytest.raises(RunError, match=r"^pretrained:walker is a file already$"):
        trained.export(trained.load("pretrained:walker"), 0, pretrained.FOLDER / "other.npz")
    assert pretrained.names() == ["walker"]
