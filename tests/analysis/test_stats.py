import numpy as np
import pyarrow as pa
import pytest
from scipy import stats

from dsjax.analysis.stats import (
    describe_episodes,
    improvement,
    interval,
    iqm,
    profile,
    share_interval,
    survival,
    trailing_mean,
)
from dsjax.analysis.summary import evaluation_rows


def test_interquartile_mean_by_hand():
    assert iqm([1000, 3, 4, 5, 6, -1000, 7, 2]) == pytest.approx((3 + 4 + 5 + 6) / 4)
    assert iqm([5.0]) == 5.0
    assert np.isnan(iqm([]))


def test_score_by_hand():
    result = describe_episodes([300.0, 310.0, -90.0], [1000, 900, 50], ["finished", "finished", "fell"])
    assert result == pytest.approx(
        {"episodes": 3, "mean": 520 / 3, "std": np.std([300, 310, -90], ddof=1), "median": 300, "worst": -90,
         "fall_rate": 1 / 3, "length": 650}
    )  # fmt: skip


def test_frozen_curve_by_hand():
    table = pa.table({
        "round": [0, 0, 0, 0, 5, 5], "member": [0, 0, 1, 1, 0, 1], "step": [0, 0, 0, 0, 90, 110],
        "return": [1.0, 3.0, -10.0, -20.0, 50.0, 70.0],
        "outcome": ["timeout", "fell", "fell", "fell", "timeout", "fell"],
        "length": [1600, 100, 100, 200, 1600, 400],
    })  # fmt: skip
    first, last = evaluation_rows(table)
    assert first == pytest.approx(
        {"round": 0, "members": 2, "steps": 0, "median": -6.5, "iqm": -6.5, "worst": -15, "best": 2}
        | {"fall_rate": 0.75, "length": 500}
    )
    assert last == pytest.approx(
        {"round": 5, "members": 2, "steps": 100, "median": 60, "iqm": 60, "worst": 50, "best": 70}
        | {"fall_rate": 0.5, "length": 1000}
    )


def test_interval_is_scipys_and_contains_the_statistic():
    rng = np.random.default_rng(3)
    values = rng.normal(100, 30, (16, 5))
    low, high = interval(values)
    assert low.shape == high.shape == (5,)
    assert np.all((low < iqm(values, axis=0)) & (iqm(values, axis=0) < high))
    expected = stats.bootstrap(
        (values,), lambda x, axis: stats.trim_mean(x, 0.25, axis=axis), axis=0, n_resamples=2000, method="percentile",
        rng=np.random.default_rng(0),
    ).confidence_interval  # fmt: skip
    np.testing.assert_array_equal((low, high), expected)
    # The mean of normal values has a known error: 30 / sqrt(N).
    low, high = interval(rng.normal(100, 30, (400, 1)), np.mean)
    assert float(high[0] - low[0]) == pytest.approx(2 * 1.96 * 30 / 20, rel=0.15)
    assert np.isnan(interval([[1.0, 2.0]])).all()


def test_improvement_by_hand():
    # 2 beats 1, loses to 2.5 and draws with 2; 3 beats all three.
    value, low, high = improvement([2, 3], [1, 2.5, 2])
    assert value == pytest.approx((1 + 0 + 0.5 + 3) / 6)
    assert 0 <= low <= value <= high <= 1
    assert improvement([5, 6], [1, 2]) == (1, 1, 1)
    assert improvement([5.0], [1.0])[0] == 1
    rng = np.random.default_rng(0)
    x, y = rng.normal(1, 1, 4000), rng.normal(0, 1, 4000)
    assert improvement(x[:300], y[:300])[0] == pytest.approx(stats.norm.cdf(1 / np.sqrt(2)), abs=0.05)


def test_profile_by_hand():
    share, low, high = profile([-100, 0, 250, 310], [-200, 0, 300, 400])
    np.testing.assert_allclose(share, [1, 0.5, 0.25, 0])
    assert np.all((low <= share) & (share <= high))


def test_kaplan_meier_by_hand():
    # Solved at 3, 5, 5; lost sight of at 4 and at 9. After 3, 1 of 5 is solved; at 5, 2 of the 3 that are left.
    curve = survival([3, 5, 5, -1, -1], [10, 10, 10, 4, 9])
    np.testing.assert_allclose(curve.time, [3, 4, 5, 9])
    np.testing.assert_allclose(curve.solved, [1 / 5, 1 / 5, 1 - 4 / 5 / 3, 1 - 4 / 5 / 3])
    assert curve.median == 5
    # Greenwood's variance of log S at 3: d / (n (n - d)) = 1 / (5 * 4); the interval of log(-log S).
    theta = np.exp(1.959964 * np.sqrt(1 / 20) / np.log(0.8))
    assert curve.low[0] == pytest.approx(1 - 0.8**theta)
    assert curve.high[0] == pytest.approx(1 - 0.8 ** (1 / theta))


def test_survival_of_none_and_of_all():
    none = survival([-1, -1], [7, 9])
    assert (none.median, none.solved.tolist()) == (float("inf"), [0, 0])
    every = survival([2, 4], [9, 9])
    assert (every.median, every.solved.tolist()) == (2, [0.5, 1])


def test_trailing_mean_by_hand():
    np.testing.assert_allclose(trailing_mean([1, 2, 6, 0, 3], 3), [1, 1.5, 3, 8 / 3, 3])
    assert trailing_mean([], 3).size == 0


@pytest.mark.parametrize(("count", "total"), [(0, 8), (3, 8), (16, 16)])
def test_a_share_has_wilsons_interval(count, total):
    z, p = 1.959964, count / total
    middle, half = (p + z**2 / 2 / total), z * np.sqrt(p * (1 - p) / total + z**2 / 4 / total**2)
    expected = np.array([middle - half, middle + half]) / (1 + z**2 / total)
    np.testing.assert_allclose(share_interval(count, total), expected, atol=1e-6)
