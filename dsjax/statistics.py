"""From records to numbers."""

import numpy as np
from scipy import stats


def iqm(values):
    """Return the interquartile mean: the mean of the middle half, robust to a few lucky or failed members.

    Source: Agarwal et al., Deep Reinforcement Learning at the Edge of the Statistical Precipice, 2021.
    """
    values = np.asarray(values, float)
    return float(stats.trim_mean(values, 0.25)) if values.size else float("nan")
