"""A quantity of a group's members over their time, with the interquartile mean over members and its interval."""

from typing import NamedTuple

import numpy as np

from dsjax.analysis.comparison import SAME_END, Group
from dsjax.analysis.stats import interval, iqm, trailing_mean
from dsjax.envs.task import SOLVED_EPISODES

_POINTS = 201


class Curve(NamedTuple):
    """A quantity at T points in time of N members."""

    at: np.ndarray  # (T,) steps or episodes
    values: np.ndarray  # (N, T) as measured; nan before a member's first value, after its end, and between measurements
    times: np.ndarray  # (N, T) when each member was there itself: resets are no steps, so no two are quite together
    iqm: np.ndarray  # (T,) over the members that are there; nan until all have begun, and once half have ended
    low: np.ndarray  # (T,) bootstrap interval of the IQM
    high: np.ndarray  # (T,)
    whole: np.ndarray  # (T,) bool: no member has ended yet


def training_curve(group: Group, unit: str) -> Curve:
    """Return the mean return of the last 100 training episodes, at most: of the oscillating, learning controllers.

    Its points are spread over the group's own time, however long others have trained.

    Args:
      group: comparison.Group.
      unit: one of members.UNITS, of time.
    """
    ends = _together(np.array([member.trained(unit) for member in group.members], float))
    begins = min(member.before[unit] for member in group.members)
    # Each member's end is a point, so that its line ends there.
    points = np.union1d(np.linspace(begins, ends.max(), _POINTS), ends)
    values = np.full((len(group.members), len(points)), np.nan)
    for row, until, member in zip(values, ends, group.members, strict=True):
        means = trailing_mean(member.episodes["return"], SOLVED_EPISODES)
        at = member.episodes["step"] if unit == "step" else member.before[unit] + np.arange(1, len(means) + 1)
        if len(at):
            inside = (points >= at[0]) & (points <= until)
            row[inside] = means[np.maximum(np.searchsorted(at, points[inside], side="right") - 1, 0)]
    return _over_members(points, values, np.broadcast_to(points, values.shape), ends[:, None] >= points)


def frozen_curve(group: Group) -> Curve:
    """Return the mean return of the frozen centers over steps.

    Members are evaluated after the same steps of their vector env, and with few resets more or fewer of their own: a
    point is what was measured after as many, at the mean of the members' own steps. Where only some members were
    evaluated, the IQM takes the others on the line between their evaluations.
    """
    ticks = np.unique(np.concatenate([member.evaluations["tick"] for member in group.members]))
    values, between, times = np.full((3, len(group.members), len(ticks)), np.nan)
    last = np.full(len(group.members), -1.0)
    for number, member in enumerate(group.members):
        own, found = member.evaluations["tick"], member.evaluations["return"]
        if len(own):
            values[number, np.searchsorted(ticks, own)] = found
            between[number] = np.interp(ticks, own, found, left=np.nan, right=np.nan)
            times[number] = np.interp(ticks, own, member.evaluations["step"], left=np.nan, right=np.nan)
            last[number] = own[-1]
    at = np.nanmean(times, axis=0) if len(ticks) else ticks
    curve = _over_members(at, between, times, _together(last)[:, None] >= ticks)
    return curve._replace(values=values)


def _together(ends: np.ndarray) -> np.ndarray:
    """Return members' ends, those that differ by little from the last taken for it."""
    return np.where(ends >= SAME_END * ends.max(), ends.max(), ends)


def _over_members(points: np.ndarray, values: np.ndarray, times: np.ndarray, goes_on: np.ndarray) -> Curve:
    """Return the Curve of members' values, (N, T), and whether each has not ended by a point, (N, T) bool."""
    there = np.isfinite(values)
    ever = there.any(axis=1, keepdims=True)
    shown = (there.mean(axis=0) > 0.5) & (there | ~goes_on | ~ever).all(axis=0)
    centers, low, high = np.full((3, len(points)), np.nan)
    # Between two ends of members the same ones are there: one bootstrap serves all points in between.
    for present in np.unique(there[:, shown], axis=1).T:
        here = shown & (there == present[:, None]).all(axis=0)
        some = values[present][:, here]
        centers[here] = iqm(some, axis=0)
        low[here], high[here] = interval(some)
    return Curve(points, values, times, centers, low, high, np.all(goes_on, axis=0))
