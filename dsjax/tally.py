"""What each member of a run has done so far, counted while it trains.

Plain numpy, and all of it is in every snapshot, so that a resumed run counts on where it was.
"""

import numpy as np

from dsjax.environment import outcome_of

SOLVED_RETURN = 300.0  # BipedalWalker counts as solved at this mean return ...
SOLVED_EPISODES = 100  # ... over so many episodes: consecutive ones in training, or held-out terrains


class Tally:
    """Counters of N members, and the rows of the training episodes of the current round."""

    def __init__(self, members):
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

    def begin_round(self):
        """Forget the episodes in progress and the rows of the last round."""
        self._return = np.zeros(len(self.steps))
        self._length = np.zeros(len(self.steps), np.int64)
        self._rows = []

    def observe(self, reward, terminated, truncated, stepped):
        """Count one step of the vector env.

        Args:
          reward: (N,).
          terminated: (N,) bool.
          truncated: (N,) bool.
          stepped: (N,) bool, False where the call was a reset, or the member rests.
        """
        self._return += np.where(stepped, reward, 0.0)
        self._length += stepped
        self.steps += stepped
        ended = (terminated | truncated) & stepped
        for member in np.flatnonzero(ended):
            self._complete(member, outcome_of(terminated[member], reward[member]))

    def end_round(self, number):
        """Close the episodes that the round's end cuts, and return the round's rows as columns of `episodes`."""
        for member in np.flatnonzero(self._length):
            self._record(member, "cut")
        names = ("member", "episode", "step", "length", "return", "outcome")
        values = zip(*self._rows, strict=True) if self._rows else [()] * len(names)
        columns = dict(zip(names, values, strict=True))
        return {"round": np.full(len(self._rows), number), **columns}

    def evaluated(self, member, returns):
        """Count an evaluation of a member's frozen centers: the returns, one per held-out terrain."""
        self.frozen_return[member] = returns.mean()
        solved = len(returns) >= SOLVED_EPISODES and returns.mean() >= SOLVED_RETURN
        if solved and self.frozen_solved_step[member] < 0:
            self.frozen_solved_step[member] = self.steps[member]
            self.frozen_solved_episode[member] = self.completed[member]

    def training_return(self):
        """Return each member's mean over its last 100 completed episodes, (N,); nan before the first."""
        return _row_means(self.recent)

    def training_length(self):
        """Return each member's mean episode length over the same episodes, (N,)."""
        return _row_means(self.recent_length)

    def solved(self):
        """Return which members have met either rule, (N,) bool."""
        return (self.training_solved_step >= 0) | (self.frozen_solved_step >= 0)

    def arrays(self):
        """Return copies of all that a snapshot must hold, by name."""
        return {"tally." + name: np.array(value) for name, value in vars(self).items() if not name.startswith("_")}

    def restore(self, arrays):
        """Take on the counters of a snapshot, by the same names."""
        for name in self.arrays():
            setattr(self, name.removeprefix("tally."), np.array(arrays[name]))

    def _complete(self, member, outcome):
        for ring, value in ((self.recent, self._return[member]), (self.recent_length, self._length[member])):
            ring[member, :-1] = ring[member, 1:]
            ring[member, -1] = value
        self.best_return[member] = max(self.best_return[member], self._return[member])
        self.completed[member] += 1
        self._record(member, outcome)
        solved = self.completed[member] >= SOLVED_EPISODES and self.recent[member].mean() >= SOLVED_RETURN
        if solved and self.training_solved_step[member] < 0:
            self.training_solved_step[member] = self.steps[member]
            self.training_solved_episode[member] = self.completed[member]

    def _record(self, member, outcome):
        row = (self.episodes[member], self.steps[member], self._length[member], self._return[member])
        self._rows.append((member, *row, outcome))
        self.episodes[member] += 1
        self._return[member], self._length[member] = 0.0, 0


def _row_means(values):
    counts = np.sum(~np.isnan(values), axis=1)
    return np.where(counts > 0, np.nansum(values, axis=1) / np.maximum(counts, 1), np.nan)
