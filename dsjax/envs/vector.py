"""Vector envs whose members step in groups that take turns, so that walkers and controllers can work at the same time.

while training:
    for group in range(len(envs.groups)):
        outcome = envs.recv(group)              # waits for this group's walkers; the others' go on stepping
        envs.send(group, act(outcome))          # meanwhile this process computes
"""

from collections.abc import Sequence
from functools import partial
from typing import Any, TypeAlias

import numpy as np
from gymnasium.vector import AutoresetMode, SyncVectorEnv, VectorEnv
from gymnasium.vector.utils import batch_space

from dsjax.envs import bipedal

# Of a step: observation, reward, terminated, truncated.
Outcome: TypeAlias = tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]


class GroupedVectorEnv(VectorEnv):
    """A vector env of walkers in groups, in NEXT_STEP autoreset mode; backends say how a group steps."""

    single_observation_space: Any
    single_action_space: Any
    reset: Any  # (seed: one for each env, None for one that is to stay idle; options) -> (observation, info)

    def __init__(self, env_id: str, groups: tuple[slice, ...]) -> None:
        single = bipedal.make(env_id)
        self.env_id, self.groups = env_id, groups
        self.num_envs = groups[-1].stop
        self.single_observation_space, self.single_action_space = single.observation_space, single.action_space
        self.observation_space = batch_space(single.observation_space, self.num_envs)
        self.action_space = batch_space(single.action_space, self.num_envs)
        self.metadata = {**single.metadata, "autoreset_mode": AutoresetMode.NEXT_STEP}
        single.close()

    def send(self, group: int, actions: np.ndarray) -> None:
        """Let a group's walkers take their actions, (members, 4), and return without waiting."""
        raise NotImplementedError

    def recv(self, group: int) -> Outcome:
        """Return what a group's last step brought: observation, reward, terminated, truncated.

        The arrays are valid until the group is sent its next actions.
        """
        raise NotImplementedError

    def step(self, actions: np.ndarray) -> tuple[Any, ...]:
        """Step every walker, as any vector env does."""
        for group, members in enumerate(self.groups):
            self.send(group, actions[members])
        outcomes = [self.recv(group) for group in range(len(self.groups))]
        whole = outcomes[0] if len(outcomes) == 1 else map(np.concatenate, zip(*outcomes, strict=True))
        return *whole, {}


class LocalVectorEnv(GroupedVectorEnv):
    """All walkers in this process, one after the other: a single group."""

    def __init__(self, env_id: str, count: int, render: int | None = None) -> None:
        super().__init__(env_id, (slice(0, count),))
        self._envs = local(env_id, range(count), render)

    def reset(self, *, seed: Any = None, options: dict[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        """Begin a series of episodes in every env; see `bipedal.Episodes`."""
        return self._envs.reset(seed=seed, options=options)

    def walker(self, index: int) -> Any:
        """Return gymnasium's BipedalWalker of an index, with its Box2D bodies."""
        return self._envs.envs[index].unwrapped

    def send(self, group: int, actions: np.ndarray) -> None:
        """Step the walkers at once."""
        self._outcome = self._envs.step(actions)

    def recv(self, group: int) -> Outcome:
        """Return what the step brought."""
        return self._outcome[:4]

    def close_extras(self, **kwargs: Any) -> None:
        """Close the walkers, and the window if there is one."""
        self._envs.close()


def local(env_id: str, indices: Sequence[int], render: int | None = None) -> SyncVectorEnv:
    """Return gymnasium's own vector env of walkers in this process, the one of index `render` in a window."""
    modes = ["human" if index == render else None for index in indices]
    return SyncVectorEnv([partial(bipedal.make, env_id, mode) for mode in modes], copy=False)
