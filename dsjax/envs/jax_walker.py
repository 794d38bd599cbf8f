"""The jax backend: all walkers in one compiled program, on a CPU or a GPU; see the package `walker`.

The same task, and Box2D's physics step by step but for rounding, on random terrains of its own. So, like envpool, it
serves to train, and never to score.
"""

from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from dsjax.envs.task import HARDCORE
from dsjax.envs.vector import GroupedVectorEnv, Outcome
from dsjax.walker import episodes


class JaxVectorEnv(GroupedVectorEnv):
    """A vector env of walkers that JAX steps, all in one group.

    A step is dispatched by `send` and waited for by `recv`. Observations and the rest are handed over as numpy arrays,
    for code that is written for gymnasium. A program that is compiled as a whole uses `walker.episodes` itself.
    """

    def __init__(self, env_id: str, count: int) -> None:
        super().__init__(env_id, (slice(0, count),))
        self._ready = jax.jit(partial(episodes.ready, hardcore=env_id == HARDCORE))
        self._step = jax.jit(episodes.step, donate_argnums=0)

    def reset(self, *, seed: Any = None, options: dict[str, Any] | None = None) -> tuple[np.ndarray, dict[str, Any]]:
        """Begin a series of episodes in every env.

        Args:
          seed: one each, of up to 64 bits; None stays idle. A walker's terrains follow from its seed alone.
          options: none; terrains are not gymnasium's, and so there are no evaluations here as with `bipedal.Episodes`.
        """
        if options:
            raise ValueError(f"the jax backend plays no series of episodes: options {options} take a gymnasium backend")
        seeds = list(seed) if seed is not None else [None] * self.num_envs
        idle = np.array([seed is None for seed in seeds])
        self._episodes = self._ready(jax.random.wrap_key_data(jnp.asarray(episodes.key_data(seeds))), idle)
        return self.step(np.zeros((self.num_envs, 4), np.float32))[0], {}  # the first step is a reset

    def send(self, group: int, actions: np.ndarray) -> None:
        """Start a step of all walkers."""
        self._episodes, *self._outcome = self._step(self._episodes, np.asarray(actions, np.float32))

    def recv(self, group: int) -> Outcome:
        """Wait for the step and return what it brought."""
        observation, reward, terminated, truncated = map(np.asarray, self._outcome)
        return observation, reward, terminated, truncated
