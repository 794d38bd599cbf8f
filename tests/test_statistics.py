import numpy as np
import pyarrow as pa
import pytest

from dsjax.statistics import frozen_curve, iqm, score


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


def test_frozen_curve_by_hand():
    table = pa.table({
        "round": [0, 0, 0, 0, 5, 5], "member": [0, 0, 1, 1, 0, 1], "step": [0, 0, 0, 0, 90, 110],
        "return": [1.0, 3.0, -10.0, -20.0, 50.0, 70.0],
        "outcome": ["timeout", "fell", "fell", "fell", "timeout", "fell"],
    })  # fmt: skip
    first, last = frozen_curve(table)
    assert first == pytest.approx(
        {"round": 0, "members": 2, "steps": 0, "median": -6.5, "iqm": -6.5, "worst": -15, "best": 2, "fall_rate": 0.75}
    )
    assert last == pytest.approx(
        {"round": 5, "members": 2, "steps": 100, "median": 60, "iqm": 60, "worst": 50, "best": 70, "fall_rate": 0.5}
    )
