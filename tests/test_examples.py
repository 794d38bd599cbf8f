"""The examples do what their pages say."""

import sys

import jax
import numpy as np
import pytest
from helpers import ROOT


@pytest.fixture(autouse=True)
def examples(monkeypatch):
    monkeypatch.syspath_prepend(str(ROOT / "examples"))
    yield
    for name in (
        "learning_rule",
        "fluctuation",
        "cartpole",
        "puckworld",
        "pendulum",
        "halfcheetah",
        "walker",
        "walker_evolution",
    ):
        sys.modules.pop(name, None)


def test_an_optimizer_of_ones_own_moves_centers_at_its_rate():
    import learning_rule

    moved = learning_rule.main()
    assert 0 < moved <= 100 * 1.2e-5 * 1.01  # 100 steps of the published learning rate, up or down


def test_noise_finds_the_goal_and_nothing_without_its_reward():
    import fluctuation

    centers = fluctuation.main()
    error = centers[:, -1] - fluctuation.GOAL
    assert abs(error.mean()) < 4 * error.std() / np.sqrt(len(error)) + 0.02
    assert error.std() < 0.1
    elsewhere = jax.vmap(lambda key: fluctuation.train(key, 5_000, -0.3))(jax.random.split(jax.random.key(1), 16))
    assert elsewhere[:, -1].mean() == pytest.approx(-0.3, abs=0.1)


def test_cartpole_is_learned():
    import cartpole

    first, last = cartpole.train(5_000)
    assert np.median(last) > 4 * np.median(first)
    assert (last > first).mean() > 0.9


def test_the_disc_is_pushed_to_the_good_target():
    import puckworld

    curve = puckworld.main(200_000)
    assert (curve[:, -1] > curve[:, 0]).mean() > 0.8
    assert curve[:, -1].mean() > curve[:, 0].mean() + 0.1


def test_the_pendulum_is_swung_up():
    import pendulum

    returns, centers = pendulum.train(60_000)
    first, last = returns[:, :20].mean(axis=1), returns[:, -20:].mean(axis=1)
    assert (last > first + 200).mean() > 0.8
    frozen = pendulum.score(centers, episodes=5)
    assert np.median(frozen) > -400  # one that hangs has some -1,200


@pytest.mark.slow
def test_the_cheetah_learns_to_run():
    pytest.importorskip("mujoco")
    import halfcheetah

    returns, centers = halfcheetah.train(40_000)
    first, last = returns[:, :5].mean(axis=1), returns[:, -5:].mean(axis=1)
    assert returns.shape == (8, 39) and centers.shape == (8, 6, 22)
    assert np.median(last) > np.median(first)
    assert np.isfinite(halfcheetah.score(centers)).all()


@pytest.mark.slow
def test_random_walkers_fall_or_stand():
    import walker

    earned = np.asarray(walker.main())
    assert earned.shape == (16,)
    assert np.isfinite(earned).all()
    assert (earned < -90).any() and (earned > -90).any() and (earned < 30).all()  # nobody walks far


@pytest.mark.slow
def test_a_policy_evolves(capsys):
    """Ten small generations: the loop turns, and its policies are played; that they walk takes the whole example."""
    pytest.importorskip("evosax")
    import walker_evolution

    policy = walker_evolution.evolve(10)
    assert np.isfinite(policy["weights"]).all() and np.any(policy["weights"])
    assert "generation 10: mean" in capsys.readouterr().out
    assert (walker_evolution.score_in_gymnasium(policy, 1) < 100).all()
