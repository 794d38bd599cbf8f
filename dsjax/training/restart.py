"""Members that found a poor gait start over, within their own run.

How far a rule gets that climbs depends on where it began: most members come to walk well, and a few settle for a gait
that leads nowhere. Such a member begins again with nothing learned, as another draw, and counts its steps on: whatever
is said of how soon it was solved includes what it left behind.
Source: random restarts, as in Auger & Hansen, A restart CMA evolution strategy, IEEE CEC 2005.
"""

import jax
import jax.numpy as jnp
import numpy as np

from dsjax.config.schema import Config
from dsjax.population import PopulationState
from dsjax.storage.states import untrained
from dsjax.training.episode_stats import EpisodeStats


def due(config: Config, stats: EpisodeStats, training: np.ndarray) -> np.ndarray:
    """Return which members are to start over, (N,) bool.

    Args:
      config: of the run.
      stats: EpisodeStats.
      training: (N,) bool, the members that train; others stay as they are.
    """
    after, below = config.restart.after, config.restart.below
    if not after:
        return np.zeros_like(training)
    old = stats.steps - stats.began >= after
    return training & old & (stats.frozen_solved_step < 0) & (stats.training_return() < below)


def renewed(config: Config, state: PopulationState, restarts: np.ndarray, who: np.ndarray) -> PopulationState:
    """Return the population in which some members have nothing learned.

    A member draws otherwise every time that it starts over. It keeps its key, so its random stream.

    Args:
      config: of the run.
      state: PopulationState.
      restarts: (N,) int, how often each has started over, this time included.
      who: (N,) bool, the members that do.

    Returns:
      PopulationState; all but theirs is bit-equal.
    """
    fresh = untrained(config, restarts)
    members = jax.tree.map(
        lambda new, old: jnp.where(who.reshape(-1, *[1] * (old.ndim - 1)), new, old), fresh.members, state.members
    )
    return state._replace(members=members)
