"""Which backend a run has, and what happens when its env workers die."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

from dsjax import machine
from dsjax.config.loading import read_config
from dsjax.config.schema import Config
from dsjax.envs.make import choose
from dsjax.envs.processes import WorkerDied
from dsjax.errors import RunError

ATTEMPTS = 3  # at a round whose env workers die
# From so many members on, "auto" takes the JAX walkers where there is a GPU: fewer leave most of it without work.
GPU_MEMBERS = 1024
Result = TypeVar("Result")


def settle_backend(config: Config, folder: Path, resume: bool, render: int | None) -> Config:
    """Return the config with the backend that "auto" means here: a run keeps its physics wherever it is resumed.

    Raises:
      RunError: the backend is not there, or cannot show a window.
    """
    environment, backend = config.environment, str(config.environment.backend)
    # A stored "auto" is gymnasium's, from before there was EnvPool's.
    gymnasium_only = resume or render is not None
    try:
        if resume and backend == "auto":
            backend = read_config(folder / "config.toml").environment.backend
        if backend == "auto" and not gymnasium_only and _gpu_pays(config):
            backend = "jax"
        backend = choose(backend, config.rows, environment.workers or None, gymnasium_only)
    except ValueError as error:
        raise RunError(str(error)) from None
    if render is not None and backend in ("envpool", "jax"):
        whose = {"envpool": "EnvPool shows", "jax": "the JAX walkers show"}[backend]
        raise RunError(f"--render: {whose} no window; train with --backend sync, or use evaluate.py --render")
    settled: Any = backend
    return replace(config, environment=replace(environment, backend=settled))


def _gpu_pays(config: Config) -> bool:
    """Return whether the JAX walkers are the fastest here: many, on a GPU."""
    return config.rows >= GPU_MEMBERS and bool(machine.gpu())


def retrying(compute: Callable[[], Result], recover: Callable[[WorkerDied, int], None]) -> Result:
    """Return compute(), computed again if env workers die.

    Args:
      compute: what to do.
      recover: called with the error and the number of the attempt, to restore what `compute` started from.

    Raises:
      RunError: workers died in every attempt.
    """
    for attempt in range(1, ATTEMPTS + 1):
        try:
            return compute()
        except WorkerDied as error:
            recover(error, attempt)
    raise RunError(f"env workers died {ATTEMPTS} times in one round; see events.jsonl in the folder of the run")
