"""What the baselines share: a policy's score on `test-v1`, by the evaluator that scores dsjax's own controllers."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np

from dsjax.envs.make import make_vector
from dsjax.evaluation.evaluate import play_policies

TASK = "BipedalWalker-v3"
_SLOTS = 20  # of the 100 terrains, side by side


def gymnasium_walkers(episodes: int):
    """Return the walkers that scores are played with, of gymnasium's own physics."""
    return make_vector(TASK, min(_SLOTS, episodes), "sync")


def score(policy: Callable[[np.ndarray], np.ndarray], episodes: int = 100) -> dict[str, list]:
    """Play a policy without memory, observations (S, 24) to actions (S, 4), once on each terrain of `test-v1`."""
    envs = gymnasium_walkers(episodes)
    try:
        return play_policies(
            envs, lambda owner: None, lambda carry, terrain, age, observation, starts: (carry, policy(observation)),
            [0], range(episodes), "test-v1",
        )  # fmt: skip
    finally:
        envs.close()


def report(path: Path, method: str, seed: int, steps: int, seconds: float, rows: dict[str, list]) -> None:
    """Print how a trained policy does, and add it to a file of one JSON object per line."""
    returns, fell = np.array(rows["return"]), np.array(rows["outcome"]) == "fell"
    found = {
        "method": method, "seed": seed, "steps": steps, "seconds": round(seconds), "mean": round(returns.mean(), 1),
        "worst": round(returns.min(), 1), "falls": round(fell.mean(), 3), "episodes": len(returns),
    }  # fmt: skip
    print(json.dumps(found), flush=True)
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a") as file:
        file.write(json.dumps(found) + "\n")
