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


def frozen_curve(evaluations):
    """Return how the members' frozen centers came along: one row per evaluation.

    Args:
      evaluations: pyarrow Table, as records.SCHEMAS["evaluations"].

    Returns:
      [{round, members, steps (mean over members), median, iqm, worst, best, fall_rate}]: statistics over members of
      each one's mean return, and the share of all episodes that ended in a fall.
    """
    columns = {name: evaluations[name].to_numpy() for name in ("round", "member", "step", "return", "outcome")}
    curve = []
    for number in np.unique(columns["round"]):
        members, steps, returns, outcomes = (
            columns[name][columns["round"] == number] for name in ("member", "step", "return", "outcome")
        )
        means = np.array([returns[members == member].mean() for member in np.unique(members)])
        curve.append(
            {
                "round": int(number),
                "members": len(means),
                "steps": float(np.mean([steps[members == member][0] for member in np.unique(members)])),
                "median": float(np.median(means)),
                "iqm": iqm(means),
                "worst": float(means.min()),
                "best": float(means.max()),
                "fall_rate": float(np.mean(outcomes == "fell")),
            }
        )
    return curve
