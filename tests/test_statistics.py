import numpy as np
import pytest

from dsjax.statistics import iqm, score


def test_interquartile_mean_by_hand():
    assert iqm([1000, 3, 4, 5, 6, -1000, 7, 2]) == pytest.approx((3 + 4 + 5 + 6) / 4)
    assert iqm([5.0]) == 5.0
    assert np.isnan(iqm([]))


def test_score_by_hand():
    result = score([300.0, 310.0, -90.0], [1000, 900, 50], ["finished", "finished", "fell"])
    assert result == pytest.approx(
        {"episodes": 3, "mean": 520 / 3, "std": np.std([300, 310, -90], ddof=1), "median": 300, "worst": -90,
         "fall_rate": 1 / 3, "length": 650}
    )  # fmt: skip
