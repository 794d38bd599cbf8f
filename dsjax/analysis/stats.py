"""From records to numbers: robust means, bootstrap intervals, survival; the arithmetic is SciPy's.

Members are what is independent: every interval is over members, never over the episodes of one. Intervals are at 95 %
and of a fixed random state, so that the same records give the same numbers.
Source of IQM, profiles and probability of improvement: Agarwal et al., Deep Reinforcement Learning at the Edge of the
Statistical Precipice, NeurIPS 2021.
"""

import warnings
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike
from scipy import stats

_RESAMPLES = 2000


def iqm(values: ArrayLike, axis: int | None = None) -> Any:
    """Return the interquartile mean: the mean of the middle half, robust to a few lucky or failed members.

    Args:
      values: any shape; without values the result is nan.
      axis: axis to average over; all if None, and the result is then a float.
    """
    values = np.asarray(values, float)
    if axis is None:
        return float(stats.trim_mean(values, 0.25, axis=None)) if values.size else float("nan")
    return stats.trim_mean(values, 0.25, axis=axis)


def interval(values: ArrayLike, statistic: Callable[..., Any] = iqm) -> tuple[Any, Any]:
    """Return the bootstrap interval of a statistic over members, by percentiles of 2,000 resamples.

    Args:
      values: (N, ...) one row per member.
      statistic: function of (values, axis).

    Returns:
      (low, high), each shaped (...); nan where there are fewer than two members.
    """
    values = np.asarray(values, float)
    if len(values) < 2:
        nothing = np.full(values.shape[1:], np.nan)
        return nothing, nothing
    return _bootstrap((values,), statistic, axis=0)


def improvement(first: ArrayLike, second: ArrayLike) -> tuple[float, float, float]:
    """Return the probability that a member of one group scores higher than one of another, ties counting half.

    The Mann-Whitney statistic over the number of pairs.

    Args:
      first: (N,) one score per member.
      second: (M,).

    Returns:
      (probability that first > second, low, high): with its bootstrap interval, members of both groups resampled.
    """

    def probability(x: np.ndarray, y: np.ndarray, axis: int = -1) -> np.ndarray:
        x, y = np.moveaxis(x, axis, -1)[..., :, None], np.moveaxis(y, axis, -1)[..., None, :]
        return ((x > y) + 0.5 * (x == y)).mean(axis=(-2, -1))

    first, second = np.asarray(first, float), np.asarray(second, float)
    value = float(stats.mannwhitneyu(first, second).statistic / (len(first) * len(second)))
    if min(len(first), len(second)) < 2:
        return value, float("nan"), float("nan")
    low, high = _bootstrap((first, second), probability, axis=0, batch=100)
    return value, float(low), float(high)


def profile(scores: ArrayLike, thresholds: ArrayLike) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the share of members that score above each threshold, with its bootstrap band.

    Args:
      scores: (N,) one per member.
      thresholds: (T,).

    Returns:
      (share (T,), low (T,), high (T,)).
    """
    above = (np.asarray(scores)[:, None] > np.asarray(thresholds)).astype(float)
    return above.mean(axis=0), *interval(above, np.mean)


def share_interval(count: int, total: int) -> tuple[float, float]:
    """Return Wilson's interval of a share, (low, high), where `count` of `total` members have a property."""
    found = stats.binomtest(int(count), int(total)).proportion_ci(method="wilson")
    return float(found.low), float(found.high)


class Survival(NamedTuple):
    """The Kaplan-Meier estimate of the share of members solved by a time."""

    time: np.ndarray  # (T,) ascending: when members were solved or censored
    solved: np.ndarray  # (T,) share solved by then, in [0, 1]
    low: np.ndarray  # (T,) Greenwood's exponential ("log-log") interval; nan where it is not defined
    high: np.ndarray  # (T,)
    median: float  # first time by which half are solved; inf if never


def survival(solved_at: ArrayLike, observed_until: ArrayLike) -> Survival:
    """Estimate how many members are solved by when; those never solved are censored at the end of what was seen.

    Args:
      solved_at: (N,) time; negative for members not solved.
      observed_until: (N,) time until which a member not solved was observed.

    Returns:
      Survival.
    """
    solved_at, observed_until = np.asarray(solved_at, float), np.asarray(observed_until, float)
    never = solved_at < 0
    curve = stats.ecdf(stats.CensoredData(uncensored=solved_at[~never], right=observed_until[never])).sf
    with warnings.catch_warnings():
        # SciPy warns of what the formula leaves undefined: where none, or all, are solved. It is nan there.
        warnings.simplefilter("ignore", RuntimeWarning)
        band = curve.confidence_interval(method="log-log")
    solved = 1 - curve.probabilities
    half = np.flatnonzero(solved >= 0.5)
    median = float(curve.quantiles[half[0]]) if len(half) else float("inf")
    return Survival(curve.quantiles, solved, 1 - band.high.probabilities, 1 - band.low.probabilities, median)


def trailing_mean(values: ArrayLike, window: int) -> np.ndarray:
    """Return, for each of (E,) values, the mean of it and those before it, `window` at most."""
    total = np.concatenate([[0.0], np.cumsum(np.asarray(values, float))])
    end = np.arange(1, len(total))
    start = np.maximum(end - window, 0)
    return (total[end] - total[start]) / (end - start)


def describe_episodes(returns: ArrayLike, lengths: ArrayLike, outcomes: ArrayLike) -> dict[str, Any]:
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
        "length": float(np.mean(np.asarray(lengths))),
    }


def _bootstrap(samples: tuple[np.ndarray, ...], statistic: Callable[..., Any], **options: Any) -> tuple[Any, Any]:
    result = stats.bootstrap(
        samples, statistic, n_resamples=_RESAMPLES, vectorized=True, method="percentile", rng=np.random.default_rng(0),
        **options,
    )  # fmt: skip
    return result.confidence_interval
