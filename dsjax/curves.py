"""A quantity of a group's members over their time, with the interquartile mean over members and its interval."""

from typing import NamedTuple

import numpy as np

from dsjax.comparison import SAME_END
from dsjax.statistics import interval, iqm, trailing_mean
from dsjax.tally import SOLVED_EPISODES

_POINTS = 201


class Curve(NamedTuple):
    """A quantity at T points in time of N members."""

    at: np.ndarray  # (T,) steps or episodes
    values: np.ndarray  # (N, T); nan before a member's first value and after its end
    iqm: np.ndarray  # (T,) over the members that are there; nan until all have begun, and once half have ended
    low: np.ndarray  # (T,) bootstrap interval of the IQM
    high: np.ndarray  # (T,)
    whole: np.ndarray  # (T,) bool: no member has ended yet


def training_curve(group, unit, end):
    """Return the mean return of the last 100 training episodes, at most: of the oscillating, learning controllers.

    Args:
      group: comparison.Group.
      unit: one of histories.UNITS, of time.
      end: last point in time.
    """

    def history(member):
        values = trailing_mean(member.episodes["return"], SOLVED_EPISODES)
        at = member.episodes["step"] if unit == "step" else np.arange(1, len(values) + 1)
        return at, values, member.trained(unit)

    def reached(points, at, values):
        return values[np.maximum(np.searchsorted(at, points, side="right") - 1, 0)]

    return _curve(list(map(history, group.members)), end, reached)


def frozen_curve(group, end):
    """Return the mean return of the frozen centers over steps, on straight lines between evaluations."""
    histories = [(m.evaluations["step"], m.evaluations["return"], m.kept) for m in group.members]
    return _curve(histories, end, np.interp)


def _curve(histories, end, between):
    """Return the Curve of members' (times, values, end), with values between the times as `between` gives them."""
    points = np.linspace(0, end, _POINTS)
    ends = np.array([history[2] for history in histories], float)
    ends = np.where(ends >= SAME_END * ends.max(), ends.max(), ends)
    values = np.full((len(histories), len(points)), np.nan)
    for row, until, (at, series, _) in zip(values, ends, histories, strict=True):
        if len(at):
            inside = (points >= at[0]) & (points <= until)
            row[inside] = between(points[inside], at, series)
    there, goes_on = np.isfinite(values), ends[:, None] >= points
    ever = there.any(axis=1, keepdims=True)
    shown = (there.mean(axis=0) > 0.5) & (there | ~goes_on | ~ever).all(axis=0)
    centers, low, high = np.full((3, len(points)), np.nan)
    # Between two ends of members the same ones are there: one bootstrap serves all points in between.
    for present in np.unique(there[:, shown], axis=1).T:
        here = shown & (there == present[:, None]).all(axis=0)
        some = values[present][:, here]
        centers[here] = iqm(some, axis=0)
        low[here], high[here] = interval(some)
    return Curve(points, values, centers, low, high, np.all(goes_on, axis=0))
