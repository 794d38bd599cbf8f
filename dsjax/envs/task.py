"""BipedalWalker as a task: when it counts as solved, how an episode ended, which terrains a controller is judged on.

The standard library alone: tables and command lines need these and load nothing else.
"""

from typing import Any, Literal

HARDCORE = "BipedalWalkerHardcore-v3"  # the task with obstacles; the other one is BipedalWalker-v3

SOLVED_RETURN = 300.0  # BipedalWalker counts as solved at this mean return ...
SOLVED_EPISODES = 100  # ... over so many episodes: consecutive ones in training, or held-out terrains

# How an episode ended; retreated: the walker walked back past the start; cut: by the end of a training round. Runs from
# before there was "retreated" call it "fell" too.
OUTCOMES = ("fell", "retreated", "finished", "timeout", "cut")

# [environment steps] of an episode of BipedalWalker-v3, and of the hardcore one
TIME_LIMIT, HARDCORE_TIME_LIMIT = 1600, 2000

# First seed of each set; terrain i has seed first + i. Training's seeds are hashes of 63 bits and do not meet these.
TERRAINS = {"validation-v1": 7_000_000_000, "test-v1": 8_000_000_000}
# Large populations of the jax backend are evaluated in training on this set instead: on other terrains, and walkers.
JAX_TERRAINS = "validation-jax-v1"

_FALL_REWARD = -100.0  # BipedalWalker's reward for a fall, and for walking back past the terrain's beginning
SPEED = 2  # place in an observation of the hull's speed ahead, as 0.12 s/m times it
CONTACTS = (8, 13)  # where an observation says whether each leg is on the ground
_TICK = 1 / 50  # [s] of an environment step
START = 14 / 3  # [m] from the terrain's beginning to where the hull starts: 10 pieces of terrain, of 14/30 each
_AT_THE_BEGINNING = 0.1  # [m]


def moved(speed: Any) -> Any:
    """Return how far the hull moved in the steps that led to observations [m], from their `SPEED` entries.

    BipedalWalker tells neither where the hull is nor, in EnvPool, why an episode ended. Adding up its speed does: over
    264 episodes of random and scripted walkers that ended at -100, by up to 1,600 steps, within 0.083 m.
    """
    return speed * (_TICK / 0.12)


def outcome_of(terminated: bool, reward: float, way: float) -> str:
    """Return how an episode ended: one of "fell", "retreated", "finished", "timeout".

    A walker that walks back past the terrain's beginning earns -100 like one that falls, and is told from it by where
    it is then.

    Args:
      terminated: as of the last step.
      reward: of the last step.
      way: [m] that the hull moved in the episode, see `moved`.
    """
    if not terminated:
        return "timeout"
    if reward != _FALL_REWARD:
        return "finished"
    return "retreated" if START + way < _AT_THE_BEGINNING else "fell"


TerrainSet = Literal["test-v1", "validation-v1"]
Weights = Literal["centers", "oscillating"]  # what a controller that does not learn acts with
Mode = Literal["learning", "oscillating", "centers"]  # the same, of a recorded controller, which may learn
