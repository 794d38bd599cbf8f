"""One walker of gymnasium's: seeded series of episodes, with resets that depend on nothing but their seed.

This file and those of the backends know gymnasium and numpy, not jax, because env workers import them.
"""

from typing import Any

import Box2D
import gymnasium
import numpy as np


class Episodes(gymnasium.Wrapper):
    """Play a seeded series of episodes, then stay idle.

    `reset(seed=s, options={"episodes": n, "stride": k})` begins a series: its episode e runs on the terrain of seed
    s + e k, and every later `reset()`, as a vector env's autoreset calls it, goes to the next one. When n episodes are
    over, or if s is None, the env is idle: it returns zeros and simulates nothing. Without `episodes` there is no end.

    gymnasium 1.4 keeps one Box2D world for the life of an env, whose contact and id lists remember earlier episodes,
    so that `reset(seed=s)` is not a function of s. A new world for every episode makes it one.
    """

    def __init__(self, env: Any) -> None:
        super().__init__(env)
        self._nothing = np.zeros(env.observation_space.shape, env.observation_space.dtype)
        self._next_seed, self._stride, self._left = 0, 1, 0.0

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        """Begin a series if there are options, else go to the next episode of the one begun."""
        if options is not None:
            self._next_seed, self._stride = seed or 0, options.get("stride", 1)
            self._left = 0.0 if seed is None else options.get("episodes", float("inf"))
        self.idle = self._left <= 0
        if self.idle:
            return self._nothing, {}
        walker: Any = self.env.unwrapped
        # Without terrain the env takes nothing of the old world apart, and the old world goes as a whole.
        walker.terrain, walker.world = [], Box2D.b2World()
        terrain, self._next_seed, self._left = self._next_seed, self._next_seed + self._stride, self._left - 1
        return self.env.reset(seed=terrain)

    def step(self, action: Any) -> tuple[Any, Any, bool, bool, dict[str, Any]]:
        """Step the env, or do nothing while idle."""
        if self.idle:
            return self._nothing, 0.0, False, False, {}
        return self.env.step(action)


def make(env_id: str, render_mode: str | None = None) -> Episodes:
    """Return one walker, with its time limit and seeded series of episodes."""
    return Episodes(gymnasium.make(env_id, render_mode=render_mode, disable_env_checker=True))
