"""Walkers to train on: one vector env per population, from one of four backends; and which backend to take.

    envpool   EnvPool's C++ walkers in threads: fastest on a CPU; optional, and for training only
    async     gymnasium's walkers in a few worker processes that each hold many
    sync      gymnasium's walkers in this process
    jax       the walkers of `dsjax.walker`, all in one compiled program; for training only

`sync` and `async` give the same bits; `envpool` and `jax` have terrains and rounding of their own. Training with `jax`
needs no vector env: its walkers step in one program with the controllers, see `dsjax.training.device_rollout`.
"""

import warnings

from dsjax.envs import envpool
from dsjax.envs.envpool import PoolVectorEnv
from dsjax.envs.processes import WorkerVectorEnv
from dsjax.envs.vector import GroupedVectorEnv, LocalVectorEnv
from dsjax.machine import cores

BACKENDS = ("auto", "envpool", "async", "sync", "jax")
_ASYNC_ENVS = 4  # from so many on, two workers gain more than handing them each step costs
# So many in each of two groups gain more by taking turns than the second call of the controllers costs.
_GROUP_ENVS = {"envpool": 64, "async": 16, "sync": float("inf"), "jax": float("inf")}

_NO_WINDOW = {"envpool": "EnvPool shows no window", "jax": "its walkers show no window"}


def choose(backend: str = "auto", count: int = 1, workers: int | None = None, gymnasium_only: bool = False) -> str:
    """Return the backend meant, "auto" being the fastest vector env that there is.

    Args:
      backend: one of `BACKENDS`.
      count: number of envs.
      workers: processes or threads; None is one per core.
      gymnasium_only: leave EnvPool out of "auto".

    Raises:
      ValueError: the backend does not exist, or is not installed.
    """
    if backend not in BACKENDS:
        raise ValueError(f"environment.backend = {backend!r}: must be one of {', '.join(BACKENDS)}")
    if backend == "envpool" and (reason := envpool.complaint()):
        raise ValueError(f"environment.backend = 'envpool': {reason}")
    if backend != "auto":
        return backend
    if envpool.available() and not gymnasium_only:
        if not (reason := envpool.complaint()):
            return "envpool"
        warnings.warn(f"EnvPool is not used: {reason}; gymnasium's walkers are slower", stacklevel=2)
    return "async" if min(workers or cores(), count) > 1 and count >= _ASYNC_ENVS else "sync"


def make_vector(
    env_id: str,
    count: int,
    backend: str = "auto",
    workers: int | None = None,
    render: int | None = None,
    groups: int | None = None,
) -> GroupedVectorEnv:
    """Return a vector env of `count` walkers in NEXT_STEP autoreset mode.

    Args:
      env_id: "BipedalWalker-v3" or "BipedalWalkerHardcore-v3".
      count: number of envs.
      backend: one of `BACKENDS`.
      workers: processes of the async backend, threads of envpool; None is one per core.
      render: index of one env to show in a window, which only gymnasium's can; None shows none.
      groups: groups that can take turns, see `vector`; None is as many as pay, 1 or 2.

    Returns:
      GroupedVectorEnv.

    Raises:
      ValueError: the backend does not exist, is not installed, does not have the task, or cannot show a window.
    """
    backend = choose(backend, count, workers, gymnasium_only=render is not None)
    workers = min(workers or cores(), count)
    groups = groups or (2 if workers > 1 and count >= 2 * _GROUP_ENVS[backend] else 1)
    if backend == "sync":
        return LocalVectorEnv(env_id, count, render)
    if backend == "async":
        return WorkerVectorEnv(env_id, count, workers, groups, render)
    if render is not None:
        raise ValueError(f"environment.backend = {backend!r}: {_NO_WINDOW[backend]}; use evaluate.py --render")
    if backend == "jax":
        from dsjax.envs.jax_walker import JaxVectorEnv  # not above: env workers must not pay for jax

        return JaxVectorEnv(env_id, count)
    return PoolVectorEnv(env_id, count, workers, groups)
