from types import SimpleNamespace

import numpy as np
import pytest
from scipy import stats

from dsjax.comparison import compare
from dsjax.curves import frozen_curve, training_curve
from dsjax.statistics import interval


def member(steps, returns, end, kept=None):
    steps, returns = np.array(steps), np.array(returns, float)
    trained = {"step": end, "episode": len(steps)}
    series = {"step": steps, "return": returns}
    kept = kept or steps.max(initial=0)
    return SimpleNamespace(episodes=series, evaluations=series, trained=trained.get, kept=kept)


def group(*members):
    return SimpleNamespace(members=list(members))


def test_a_curve_holds_the_last_mean_reached():
    curve = training_curve(group(member([50, 100], [10, 20], 200)), "step", 200)
    at = dict(zip(curve.at, curve.values[0], strict=True))
    assert np.isnan(at[49])
    assert (at[50], at[99], at[100], at[200]) == (10, 10, 15, 15)
    np.testing.assert_array_equal(curve.iqm, curve.values[0])
    assert curve.whole.all()


def test_the_mean_is_of_the_last_hundred_episodes():
    curve = training_curve(group(member(np.arange(1, 201), np.arange(200), 200)), "episode", 200)
    assert curve.values[0, -1] == np.arange(100, 200).mean()


def test_members_of_unequal_length_all_count_as_far_as_they_go():
    members = [member([10], [value], end) for value, end in ((0, 200), (1, 198), (2, 200), (9, 100), (50, 100))]
    curve = training_curve(group(*members), "step", 200)
    early, late = curve.at == 100, curve.at == 101
    assert np.isfinite(curve.values[:, early]).sum() == 5
    assert curve.iqm[early] == stats.trim_mean([0, 1, 2, 9, 50], 0.25)
    # Those that end within 5 % of the longest go on to its end.
    assert np.isfinite(curve.values[:, curve.at == 200]).sum() == 3
    assert curve.iqm[late] == stats.trim_mean([0, 1, 2], 0.25)
    np.testing.assert_array_equal((curve.low[late], curve.high[late]), interval([[0.0], [1.0], [2.0]]))
    assert (curve.whole == (curve.at <= 100)).all()


def test_no_mean_is_drawn_before_all_have_begun_or_once_half_have_ended():
    members = [member([10], [1], 200), member([60], [2], 100), member([10], [3], 100)]
    curve = training_curve(group(*members), "step", 200)
    assert curve.at[np.isfinite(curve.iqm)].min() == 60
    assert curve.at[np.isfinite(curve.iqm)].max() == 100


def test_a_member_without_an_episode_does_not_hide_the_others():
    curve = training_curve(group(member([10], [1], 200), member([10], [3], 200), member([], [], 200)), "step", 200)
    assert curve.iqm[-1] == 2


def test_frozen_curves_are_straight_between_evaluations():
    curve = frozen_curve(group(member([0, 100], [-100, 100], 120)), 120)
    at = dict(zip(np.round(curve.at, 6), curve.values[0], strict=True))
    assert (at[0], at[60], at[99.6]) == pytest.approx((-100, 20, 99.2))
    assert np.isnan(at[120])  # evaluated no more


def test_frozen_centers_that_rest_stay_what_they_were():
    learning, solved = member([0, 50, 100], [0, 100, 200], 100), member([0, 50, 50], [250, 310, 310], 50, kept=100)
    curve = frozen_curve(group(learning, solved), 100)
    np.testing.assert_array_equal(curve.values[1, curve.at >= 50], 310)
    assert curve.iqm[-1] == (200 + 310) / 2


def test_curves_of_real_runs(small_runs):
    comparison = compare([small_runs / "a", small_runs / "b"])
    (found,) = comparison.groups
    curve = training_curve(found, "step", comparison.last("step"))
    assert curve.values.shape == (6, len(curve.at))
    np.testing.assert_allclose(curve.values[:, -1], [m.recent.mean() for m in found.members])
    np.testing.assert_allclose(
        frozen_curve(found, found.members[0].evaluations["step"][-1]).values[0, -1], found.members[0].score
    )
