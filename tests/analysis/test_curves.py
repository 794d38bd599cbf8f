from types import SimpleNamespace

import numpy as np
from scipy import stats

from dsjax.analysis.comparison import compare
from dsjax.analysis.curves import frozen_curve, training_curve
from dsjax.analysis.stats import interval


def member(steps, returns, end, ticks=None):
    steps, returns = np.array(steps), np.array(returns, float)
    trained = {"step": end, "episode": len(steps)}
    series = {"step": steps, "return": returns, "tick": np.array(ticks or steps, float)}
    before = {"step": 0, "episode": 0}
    return SimpleNamespace(episodes=series, evaluations=series, trained=trained.get, before=before)


def group(*members):
    return SimpleNamespace(members=list(members))


def test_a_curve_holds_the_last_mean_reached():
    curve = training_curve(group(member([50, 100], [10, 20], 200)), "step")
    at = dict(zip(curve.at, curve.values[0], strict=True))
    assert np.isnan(at[49])
    assert (at[50], at[99], at[100], at[200]) == (10, 10, 15, 15)
    np.testing.assert_array_equal(curve.iqm, curve.values[0])
    assert curve.whole.all()


def test_the_mean_is_of_the_last_hundred_episodes():
    curve = training_curve(group(member(np.arange(1, 201), np.arange(200), 200)), "episode")
    assert curve.values[0, -1] == np.arange(100, 200).mean()


def test_members_of_unequal_length_all_count_as_far_as_they_go():
    members = [member([10], [value], end) for value, end in ((0, 200), (1, 198), (2, 200), (9, 100), (50, 100))]
    curve = training_curve(group(*members), "step")
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
    curve = training_curve(group(*members), "step")
    assert curve.at[np.isfinite(curve.iqm)].min() == 60
    assert curve.at[np.isfinite(curve.iqm)].max() == 100


def test_a_member_without_an_episode_does_not_hide_the_others():
    curve = training_curve(group(member([10], [1], 200), member([10], [3], 200), member([], [], 200)), "step")
    assert curve.iqm[-1] == 2


def test_a_line_ends_where_its_member_ends():
    curve = training_curve(group(member([10], [1], 200), member([10], [2], 33.3)), "step")
    assert curve.at[np.isfinite(curve.values[1])].max() == 33.3
    assert curve.at[np.isfinite(curve.values[0])].max() == 200


def test_frozen_curves_are_known_at_evaluations_alone():
    """Two members of a run, a few resets apart: a point each time both were evaluated, and none in between."""
    members = [
        member([0, 98, 195], [-100, 100, 50], 200, [0, 100, 200]),
        member([0, 90, 191], [0, 0, 0], 200, [0, 100, 200]),
    ]
    curve = frozen_curve(group(*members))
    np.testing.assert_array_equal(curve.at, [0, 94, 193])
    np.testing.assert_array_equal(curve.times, [[0, 98, 195], [0, 90, 191]])
    np.testing.assert_array_equal(curve.iqm, [-50, 50, 25])
    assert curve.whole.all()


def test_where_not_all_were_evaluated_the_mean_takes_the_line_between():
    """One is evaluated twice as often: the others count as on the line between their evaluations."""
    often = member([0, 50, 100, 150], [0, 10, 20, 30], 150)
    seldom = member([0, 100], [100, 200], 150)
    curve = frozen_curve(group(often, seldom, member([0, 100], [100, 200], 150)))
    np.testing.assert_array_equal(curve.at, [0, 50, 100, 150])
    expected = [stats.trim_mean(values, 0.25) for values in ([0, 100, 100], [10, 150, 150], [20, 200, 200])]
    np.testing.assert_allclose(curve.iqm[:3], expected)
    assert np.isnan(curve.iqm[3])  # after the last evaluation of most
    assert np.isnan(curve.values[1, 1])  # a member's own line is what was measured


def test_frozen_centers_of_paused_members_are_measured_on():
    learning, solved = member([0, 50, 100], [0, 100, 200], 100), member([0, 50, 50], [250, 310, 310], 50, [0, 50, 100])
    curve = frozen_curve(group(learning, solved))
    np.testing.assert_array_equal(curve.values[1], [250, 310, 310])
    assert curve.iqm[-1] == (200 + 310) / 2


def test_curves_of_real_runs(small_runs):
    comparison = compare([small_runs / "a", small_runs / "b"])
    (found,) = comparison.groups
    curve = training_curve(found, "step")
    assert curve.values.shape == (6, len(curve.at))
    np.testing.assert_allclose(curve.values[:, -1], [m.recent.mean() for m in found.members])
    frozen = frozen_curve(found)
    assert frozen.values.shape == (6, 3)  # untrained, after two rounds, after four
    assert np.isfinite(frozen.iqm).all()
    np.testing.assert_allclose(frozen.values[:, -1], [m.score for m in found.members])
