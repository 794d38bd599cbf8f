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
        self.begin_round()

    def begin_round(self) -> None:
        """Forget the episodes in progress and the rows of the last round."""
        self._return = np.zeros(len(self.steps))
        self._length = np.zeros(len(self.steps), np.int64)
        self._way = np.zeros(len(self.steps))  # [m] that the hull has moved
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
        members = len(self.steps)
        ended = (terminated | truncated) & stepped
        # Episodes by the order in which each member ends them. bincount adds one step after the other, and what an
        # episode had before comes first, so that a sum does not depend on T.
        number = np.cumsum(ended, axis=0) - ended
        cell = number * members + np.arange(members)
        cells = np.concatenate([np.arange(members), cell.ravel()])
        shape = (number[-1].max() + 2, members)

        def sums(before: np.ndarray, values: np.ndarray) -> np.ndarray:
            weights = np.concatenate([before, values.ravel()])
            return np.bincount(cells, weights, minlength=shape[0] * members).reshape(shape)

        returns = sums(self._return, np.where(stepped, reward, 0.0))
        lengths = sums(self._length, stepped).astype(np.int64)
        ways = sums(self._way, np.where(stepped, moved(speed), 0.0))
        steps = self.steps + np.cumsum(stepped, axis=0)
        ticks, who = np.nonzero(ended)
        which = number[ticks, who], who
        ends = zip(terminated[ticks, who], reward[ticks, who], ways[which], strict=True)
        outcomes = [outcome_of(*end) for end in ends]
        self._complete(who, steps[ticks, who], lengths[which], returns[which], outcomes)
        current = number[-1] + ended[-1], np.arange(members)
        self._return, self._length, self._way = returns[current], lengths[current], ways[current]
        self.steps = steps[-1].copy()

    def end_round(self, number: int) -> dict[str, np.ndarray]:
        """Close the episodes that the round's end cuts, and return the round's rows as columns of `episodes`."""
        cut = np.flatnonzero(self._length)
        self._record(cut, self.steps[cut], self._length[cut], self._return[cut], ["cut"] * len(cut))
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
        """Take on the counters of a snapshot, by the same names."""
        for name in self.arrays():
            # [()]: a number is to be a number again, not an array that += would change under whoever keeps it.
            setattr(self, name.removeprefix("tally."), np.array(arrays[name])[()])

    def _complete(
        self, who: np.ndarray, steps: np.ndarray, lengths: np.ndarray, returns: np.ndarray, outcomes: list[str]
    ) -> None:
        """Count episodes that the environment ended: one member, step, length, return and outcome each."""
        before = self.completed.copy()
        self._record(who, steps, lengths, returns, outcomes)
        for member in np.unique(who):
            mine = who == member
            series = np.append(self.recent[member], returns[mine])
            means = sliding_window_view(series, SOLVED_EPISODES)[1:].mean(axis=1)  # nan before the 100th episode
            self.recent[member] = series[-SOLVED_EPISODES:]
            self.recent_length[member] = np.append(self.recent_length[member], lengths[mine])[-SOLVED_EPISODES:]
            self.best_return[member] = max(self.best_return[member], returns[mine].max())
            self.completed[member] += mine.sum()
            solved = np.flatnonzero(means >= SOLVED_RETURN)
            if len(solved) and self.training_solved_step[member] < 0:
                self.training_solved_step[member] = steps[mine][solved[0]]
                self.training_solved_episode[member] = before[member] + solved[0] + 1

    def _record(
        self, who: np.ndarray, steps: np.ndarray, lengths: np.ndarray, returns: np.ndarray, outcomes: list[str]
    ) -> None:
        """Add rows, numbering each member's episodes on, and begin its next episode."""
        earlier = [np.count_nonzero(who[:row] == member) for row, member in enumerate(who)]
        self._rows.append((who, self.episodes[who] + earlier, steps, lengths, returns, np.array(outcomes, object)))
        self.episodes += np.bincount(who, minlength=len(self.episodes))


def _row_means(values: np.ndarray) -> np.ndarray:
    counts = np.sum(~np.isnan(values), axis=1)
    return np.where(counts > 0, np.nansum(values, axis=1) / np.maximum(counts, 1), np.nan)
