"""Episode statistics of each member of a run, counted while it trains.

Plain numpy, and all of it is in every snapshot, so that a resumed run counts on where it was.
"""

from collections.abc import Mapping

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from dsjax.envs.task import SOLVED_EPISODES, SOLVED_RETURN, moved, outcome_of


class EpisodeStats:
    """Counters of N members, and the rows of the training episodes of the current round."""

    def __init__(self, members: int) -> None:
        self.rounds = np.int64(0)  # done
        self.ticks = np.int64(0)  # steps of the vector env in them, resets counted
        self.steps = np.zeros(members, np.int64)  # environment steps, resets not counted
        self.episodes = np.zeros(members, np.int64)  # begun and ended, those cut by a round's end included
        self.completed = np.zeros(members, np.int64)  # ended by the environment itself
        self.recent = np.full((members, SOLVED_EPISODES), np.nan)  # last returns of completed episodes, oldest first
        self.recent_length = np.full((members, SOLVED_EPISODES), np.nan)
        self.best_return = np.full(members, -np.inf)
        self.frozen_return = np.full(members, np.nan)  # mean of the last evaluation of the frozen centers
        # When each rule for "solved" was first met; -1 is not yet.
        self.training_solved_episode = np.full(members, -1, np.int64)
        self.training_solved_step = np.full(members, -1, np.int64)
        self.frozen_solved_episode = np.full(members, -1, np.int64)
        self.frozen_solved_step = np.full(members, -1, np.int64)
        self.stopped_round = np.full(members, -1, np.int64)  # round in which a member stopped being finite
        self.restarts = np.zeros(members, np.int64)  # how often each member has started over
        self.began = np.zeros(members, np.int64)  # steps that it had done when it last did
        self.begin_round()

    def begin_round(self) -> None:
        """Forget the episodes in progress and the rows of the last round."""
        self._sums = np.zeros((3, len(self.steps)))  # of each member: steps, rewards, [m] that the hull has moved
        self._rows: list[tuple] = []

    def observe(
        self, reward: np.ndarray, terminated: np.ndarray, truncated: np.ndarray, stepped: np.ndarray, speed: np.ndarray
    ) -> None:
        """Count T steps of the vector env.

        Args:
          reward: (T, N).
          terminated: (T, N) bool.
          truncated: (T, N) bool.
          stepped: (T, N) bool, False where the call was a reset, or the member is not active.
          speed: (T, N) the observations' entries `envs.task.SPEED`.
        """
        ended = (terminated | truncated) & stepped
        parts = stepped, np.where(stepped, reward, 0.0), np.where(stepped, moved(speed), 0.0), stepped
        sums = np.stack(parts, axis=1, dtype=float)
        now = np.concatenate([self._sums, self.steps[None]])
        # From one tick at which episodes end to the next. Every sum adds one step after the other, and what the episode
        # had before comes first, so that it does not depend on T.
        found, first = [now[:, :0]], 0
        for tick in [*np.flatnonzero(ended.any(axis=1)), len(ended) - 1]:
            if first > tick:
                continue
            sums[first] += now
            if first < tick:
                np.add.accumulate(sums[first : tick + 1], axis=0, out=sums[first : tick + 1])
            now, first = sums[tick], tick + 1
            who = np.flatnonzero(ended[tick])
            found.append(now[:, who])
            now[:3, who] = 0.0
        ticks, who = np.nonzero(ended)
        lengths, returns, ways, steps = np.concatenate(found, axis=1)
        ends = terminated[ticks, who].tolist(), reward[ticks, who].tolist(), ways.tolist()
        outcomes = list(map(outcome_of, *ends))
        self._complete(who, steps.astype(np.int64), lengths.astype(np.int64), returns, outcomes)
        self._sums, self.steps = now[:3].copy(), now[3].astype(np.int64)

    def end_round(self, number: int) -> dict[str, np.ndarray]:
        """Close the episodes that the round's end cuts, and return the round's rows as columns of `episodes`."""
        cut = np.flatnonzero(self._sums[0])
        lengths, returns, _ = self._sums[:, cut]
        self._record(cut, self.steps[cut], lengths.astype(np.int64), returns, ["cut"] * len(cut))
        names = ("member", "episode", "step", "length", "return", "outcome")
        columns = dict(zip(names, map(np.concatenate, zip(*self._rows, strict=True)), strict=True))
        return {"round": np.full(len(columns["member"]), number), **columns}

    def count_evaluation(self, member: int | np.integer, returns: np.ndarray) -> None:
        """Count an evaluation of a member's frozen centers: the returns, one per held-out terrain."""
        self.frozen_return[member] = returns.mean()
        solved = len(returns) >= SOLVED_EPISODES and returns.mean() >= SOLVED_RETURN
        if solved and self.frozen_solved_step[member] < 0:
            self.frozen_solved_step[member] = self.steps[member]
            self.frozen_solved_episode[member] = self.completed[member]

    def reset_replaced(self, source: np.ndarray) -> None:
        """Reset the statistics of members that selection replaced.

        Their last episodes were another controller's: to be solved, a copy needs a hundred of its own. When a member
        was first solved, and its best return, stay.

        Args:
          source: (N,) int, the member that each continues as; itself unless it was replaced.
        """
        copies = np.flatnonzero(source != np.arange(len(source)))
        self.recent[copies] = self.recent_length[copies] = np.nan
        self.frozen_return = self.frozen_return[source]  # a copy has its parent's centers
        self.stopped_round[copies] = -1

    def count_restarts(self, who: np.ndarray) -> None:
        """Count that some members, (N,) bool, start over; what they have done and been stays theirs."""
        self.restarts = self.restarts + who
        self.began = np.where(who, self.steps, self.began)
        self.recent[who] = self.recent_length[who] = self.frozen_return[who] = np.nan

    def training_return(self) -> np.ndarray:
        """Return each member's mean over its last 100 completed episodes, (N,); nan before the first."""
        return _row_means(self.recent)

    def training_length(self) -> np.ndarray:
        """Return each member's mean episode length over the same episodes, (N,)."""
        return _row_means(self.recent_length)

    def solved(self) -> np.ndarray:
        """Return which members have met either rule, (N,) bool."""
        return (self.training_solved_step >= 0) | (self.frozen_solved_step >= 0)

    def arrays(self) -> dict[str, np.ndarray]:
        """Return copies of all that a snapshot must hold, by name."""
        return {"tally." + name: np.array(value) for name, value in vars(self).items() if not name.startswith("_")}

    def restore(self, arrays: Mapping[str, np.ndarray]) -> None:
        """Take on the counters of a snapshot, by the same names; what it does not count yet stays as at the start."""
        for name in self.arrays().keys() & arrays.keys():
            # [()]: a number is to be a number again, not an array that += would change under whoever keeps it.
            setattr(self, name.removeprefix("tally."), np.array(arrays[name])[()])

    def _complete(
        self, who: np.ndarray, steps: np.ndarray, lengths: np.ndarray, returns: np.ndarray, outcomes: list[str]
    ) -> None:
        """Count episodes that the environment ended: one member, step, length, return and outcome each."""
        self._record(who, steps, lengths, returns, outcomes)
        by_member = _ByMember(who)
        some, counts = by_member.members, by_member.counts
        steps, returns = by_member.sort(steps), by_member.sort(returns)
        best = self.best_return[some] = np.maximum(self.best_return[some], by_member.maxima(returns))
        # A mean of 300 takes a return of 300: what only few have is looked at one by one.
        for place in np.flatnonzero((best >= SOLVED_RETURN) & (self.training_solved_step[some] < 0)).tolist():
            member, mine = some[place], by_member.part(place)
            series = np.append(self.recent[member], returns[mine])
            means = sliding_window_view(series, SOLVED_EPISODES)[1:].mean(axis=1)  # nan before the 100th episode
            solved = np.flatnonzero(means >= SOLVED_RETURN)
            if len(solved):
                self.training_solved_step[member] = steps[mine][solved[0]]
                self.training_solved_episode[member] = self.completed[member] + solved[0] + 1
        self.recent[some] = by_member.appended(self.recent[some], returns)
        self.recent_length[some] = by_member.appended(self.recent_length[some], by_member.sort(lengths))
        self.completed[some] += counts

    def _record(
        self, who: np.ndarray, steps: np.ndarray, lengths: np.ndarray, returns: np.ndarray, outcomes: list[str]
    ) -> None:
        """Add rows, numbering each member's episodes on, and begin its next episode."""
        numbers = self.episodes[who] + _ByMember(who).ranks()
        self._rows.append((who, numbers, steps, lengths, returns, np.array(outcomes, object)))
        self.episodes += np.bincount(who, minlength=len(self.episodes))


class _ByMember:
    """The order that sorts rows by member, each member's in the order in which they are."""

    def __init__(self, who: np.ndarray) -> None:
        """Sort rows.

        Args:
          who: (R,) int, each row's member.
        """
        self._order = np.argsort(who, kind="stable")
        self.members, self._firsts, self.counts = np.unique(who[self._order], return_index=True, return_counts=True)

    def sort(self, column: np.ndarray) -> np.ndarray:
        """Return a column, (R,), in this order."""
        return column[self._order]

    def part(self, place: int) -> slice:
        """Return where the rows of `members[place]` are in a sorted column."""
        return slice(self._firsts[place], self._firsts[place] + self.counts[place])

    def maxima(self, column: np.ndarray) -> np.ndarray:
        """Return each member's largest value of a sorted column, (members,)."""
        return np.maximum.reduceat(column, self._firsts)

    def ranks(self) -> np.ndarray:
        """Return how many rows of the same member come before each row, (R,), in the rows' own order."""
        ranks = np.empty(len(self._order), np.int64)
        ranks[self._order] = np.arange(len(self._order)) - np.repeat(self._firsts, self.counts)
        return ranks

    def appended(self, series: np.ndarray, column: np.ndarray) -> np.ndarray:
        """Return the members' series, (members, L), with their values of a sorted column appended: the last L each."""
        length = series.shape[1]
        place = np.arange(length) + self.counts[:, None]
        new = place - length + self._firsts[:, None]
        old = np.take_along_axis(series, np.minimum(place, length - 1), axis=1)
        return np.where(place < length, old, column[np.maximum(new, 0)])


def _row_means(values: np.ndarray) -> np.ndarray:
    counts = np.sum(~np.isnan(values), axis=1)
    return np.where(counts > 0, np.nansum(values, axis=1) / np.maximum(counts, 1), np.nan)
