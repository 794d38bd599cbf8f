"""From records to numbers."""

import numpy as np
from scipy import stats


def iqm(values):
    """Return the interquartile mean: the mean of the middle half, robust to a few lucky or failed members.

    Source: Agarwal et al., Deep Reinforcement Learning at the Edge of the Statistical Precipice, 2021.
    """
    values = np.asarray(values, float)
    return float(stats.trim_mean(values, 0.25)) if values.size else float("nan")


def score(returns, lengths, outcomes):
    """Return what a set of episodes of one member says of it, as a dict of numbers.

    Args:
      returns: (n,) episode returns.
      lengths: (n,) [environment steps].
      outcomes: (n,) of records.OUTCOMES.

    Returns:
      {episodes, mean, std (of a sample: n - 1), median, worst, fall_rate in [0, 1], length (mean)}.
    """
    returns = np.asarray(returns, float)
    return {
        "episodes": len(returns),
        "mean": float(returns.mean()),
        "std": float(returns.std(ddof=1)) if len(returns) > 1 else float("nan"),
        "median": float(np.median(returns)),
        "worst": float(returns.min()),
        "fall_rate": float(np.mean(np.asarray(outcomes) == "fell")),
        "length": float(np.mean(lengths)),
    }
