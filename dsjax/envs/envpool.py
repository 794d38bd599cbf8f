"""The envpool backend: EnvPool's C++ walkers, several times faster than gymnasium's.

The same task on the same physics engine, but compiled differently and with terrains from another generator: an episode
is not gymnasium's, only distributed like one. So it serves to train, and never to score.
"""

from collections.abc import Sequence
from importlib.util import find_spec
from typing import Any

import numpy as np

from dsjax.envs.vector import GroupedVectorEnv, Outcome


def available() -> bool:
    """Return whether EnvPool is installed; whether it works, `complaint` finds out."""
    return find_spec("envpool") is not None


def complaint() -> str:
    """Return why EnvPool cannot be used here; "" if it can. Importing it tells, and takes a second."""
    try:
        import envpool  # noqa: F401, an extra
    except ModuleNotFoundError as error:
        if error.name == "envpool":
            return "it is not installed; pip install 'dsjax[fast]'"
        return f"importing it fails: {error}"
    except Exception as error:  # a wheel for another system, or other versions of what it needs, fail in many ways
        return f"importing it fails: {(str(error).splitlines() or [type(error).__name__])[0]}"
    return ""


class PoolVectorEnv(GroupedVectorEnv):
    """A vector env of one EnvPool per group, each with threads of its own.

    EnvPool seeds a walker when it makes it: its terrains follow from that seed, one after the other, and cannot be
    seeded again. So `reset` makes new pools, in less than a millisecond, and what follows depends on the seeds alone.
    """

    def __init__(self, env_id: str, count: int, threads: int, groups: int = 1) -> None:
        bounds = [int(part[0]) for part in np.array_split(np.arange(count), groups)] + [count]
        super().__init__(env_id, tuple(map(slice, bounds[:-1], bounds[1:])))
        self._threads = max(1, threads // groups)
        self._pools: list[_Pool] = []

    def reset(self, *, seed: Any = None, options: dict[str, Any] | None = None) -> tuple[np.ndarray, dict[str, Any]]:
        """Make every walker anew.

        Args:
          seed: one each; None stays idle. EnvPool takes 31 bits, the highest of 63.
          options: none; there are no series of episodes here as in `bipedal.Episodes`, and so no evaluations.
        """
        if options:
            raise ValueError(f"EnvPool plays no series of episodes: options {options} take a gymnasium backend")
        seeds = list(seed) if seed is not None else [None] * self.num_envs
        self._close_pools()
        self._pools = [_Pool(self, seeds[members], self._threads) for members in self.groups]
        return np.concatenate([pool.first for pool in self._pools]), {}

    def send(self, group: int, actions: np.ndarray) -> None:
        """Hand a group's actions to its pool, whose threads step meanwhile this process continues."""
        self._pools[group].send(actions)

    def recv(self, group: int) -> Outcome:
        """Wait for a group's pool and return what the step brought."""
        return self._pools[group].recv()

    def close_extras(self, **kwargs: Any) -> None:
        """Let go of the pools and their threads."""
        self._close_pools()

    def _close_pools(self) -> None:
        for pool in self._pools:
            pool.close()
        self._pools = []


class _Pool:
    """The EnvPool of a group: walkers for those members that have a seed, zeros for those that are idle."""

    def __init__(self, envs: PoolVectorEnv, seeds: Sequence[int | None], threads: int) -> None:
        self._active = np.array([seed is not None for seed in seeds])
        self._all = self._active.all()
        space, count = envs.single_observation_space, len(seeds)
        self.first = np.zeros((count, *space.shape), space.dtype)
        self._outcome = (self.first.copy(), np.zeros(count, np.float32), np.zeros(count, bool), np.zeros(count, bool))
        self._env = None
        if self._active.any():
            import envpool

            self._env = envpool.make(
                envs.env_id,
                env_type="gymnasium",
                num_envs=int(self._active.sum()),
                num_threads=threads,
                env_seed=[seed >> 32 for seed in seeds if seed is not None],
            )
            self.first[self._active] = self._env.reset()[0]

    def send(self, actions: np.ndarray) -> None:
        if self._env is not None:
            self._env.send(actions if self._all else actions[self._active])

    def recv(self) -> Outcome:
        if self._env is None:
            return self._outcome
        outcome = self._env.recv()[:4]
        if self._all:
            return outcome
        for whole, part in zip(self._outcome, outcome, strict=True):
            whole[self._active] = part
        return self._outcome

    def close(self) -> None:
        if self._env is not None:
            self._env.close()
