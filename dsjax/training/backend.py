"""The vector envs of a run: which backend they have, and what happens when their workers die."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

from dsjax.config.loading import read_config
from dsjax.config.schema import Config, EnvironmentConfig
from dsjax.envs.make import choose, make_vector
from dsjax.envs.processes import WorkerDied
from dsjax.envs.vector import GroupedVectorEnv
from dsjax.errors import RunError

ATTEMPTS = 3  # at a round whose env workers die
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
        backend = choose(backend, config.rows, environment.workers or None, gymnasium_only)
    except ValueError as error:
        raise RunError(str(error)) from None
    if backend == "envpool" and render is not None:
        raise RunError("--render: EnvPool shows no window; train with --backend sync, or use evaluate.py --render")
    settled: Any = backend
    return replace(config, environment=replace(environment, backend=settled))


class RunEnvs:
    """Walkers to train on, and walkers with gymnasium's own physics to evaluate on; both open when first needed."""

    def __init__(self, environment: EnvironmentConfig, rows: int, render: int | None = None) -> None:
        """Prepare the envs of so many rows.

        Args:
          environment: with a backend that is settled.
          rows: walkers.
          render: row to show in a window; None shows none.
        """
        self._environment, self._rows, self._render = environment, rows, render
        self._training: GroupedVectorEnv | None = None
        self._held_out: GroupedVectorEnv | None = None

    def training(self) -> GroupedVectorEnv:
        """Return the walkers to train on."""
        if self._training is None:
            environment = self._environment
            self._training = make_vector(
                environment.id, self._rows, environment.backend, environment.workers or None, self._render
            )
        return self._training

    def held_out(self) -> GroupedVectorEnv:
        """Return walkers with gymnasium's own physics: those to train on, unless these are EnvPool's."""
        environment, workers = self._environment, self._environment.workers or None
        if environment.backend != "envpool":
            return self.training()
        if self._held_out is None:
            backend = choose("auto", self._rows, workers, gymnasium_only=True)
            self._held_out = make_vector(environment.id, self._rows, backend, workers)
        return self._held_out

    def close(self) -> None:
        """Close what is open; asked for again, it is made anew."""
        for envs in (self._training, self._held_out):
            if envs is not None:
                envs.close()
        self._training = self._held_out = None


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
