"""The walkers of a run: what trains on them, and what the frozen centers are evaluated on.

HostWalkers     vector envs of gymnasium's or EnvPool's walkers, which take turns with the controllers
DeviceWalkers   the JAX walkers, in one program with the controllers
"""

from collections.abc import Callable, Sequence
from typing import Any, Protocol

import jax
import numpy as np

from dsjax.config.schema import Config
from dsjax.controller import ControllerParams
from dsjax.envs.make import choose, make_vector
from dsjax.envs.task import HARDCORE, JAX_TERRAINS
from dsjax.envs.vector import GroupedVectorEnv
from dsjax.evaluation.evaluate import evaluate
from dsjax.population import PopulationState
from dsjax.training import rollout
from dsjax.training.episode_stats import EpisodeStats

# From so many members on, frozen centers are evaluated in training on the JAX walkers that they train on: gymnasium's
# would take ten times as long as the rounds between two evaluations.
DEVICE_EVALUATION_MEMBERS = 4096


class Walkers(Protocol):
    """Walkers to train and to evaluate on."""

    terrains: str  # name of the set of held-out terrains
    look: int  # steps of an evaluation between two calls of its check

    def open(self) -> None:
        """Make what training needs, if it is not there."""

    def play(
        self, state: PopulationState, params: ControllerParams, seeds: Sequence[int | None], ticks: int,
        stats: EpisodeStats, check: Callable[[int], object],
    ) -> tuple[PopulationState, int]:  # fmt: skip
        """Train for one round; see `rollout.play`."""

    def tables(self, number: int) -> dict[str, dict[str, Any]]:
        """Return what else is to be kept of the round just played, of this number, as columns of tables by name."""
        return {}

    def evaluate(
        self, state: PopulationState, params: ControllerParams, members: np.ndarray, terrains: range,
        check: Callable[[float], None],
    ) -> dict[str, list]:  # fmt: skip
        """Play one episode of frozen centers per member and held-out terrain; see `evaluation.evaluate`."""

    def close(self) -> None:
        """Close what is open; asked for again, it is made anew."""


def make_walkers(config: Config, render: int | None = None) -> Walkers:
    """Return the walkers of a run.

    Args:
      config: of the run, with a backend that is settled.
      render: row to show in a window; None shows none.
    """
    return DeviceWalkers(config) if config.environment.backend == "jax" else HostWalkers(config, render)


class HostWalkers(Walkers):
    """Walkers to train on, and walkers with gymnasium's own physics to evaluate on; both open when first needed."""

    terrains, look = "validation-v1", 1

    def __init__(self, config: Config, render: int | None = None) -> None:
        """Prepare the walkers; arguments as of `make_walkers`."""
        self._environment, self._rows, self._render = config.environment, config.rows, render
        self._spec = config.spec()
        self._step = rollout.training_step(self._spec)
        self._training: GroupedVectorEnv | None = None
        self._held_out = HeldOut(config)

    def open(self) -> None:
        """Make the walkers to train on, if they are not there."""
        self.training()

    def training(self) -> GroupedVectorEnv:
        """Return the walkers to train on."""
        if self._training is None:
            environment = self._environment
            self._training = make_vector(
                environment.id, self._rows, environment.backend, environment.workers or None, self._render
            )
        return self._training

    def play(
        self, state: PopulationState, params: ControllerParams, seeds: Sequence[int | None], ticks: int,
        stats: EpisodeStats, check: Callable[[int], object],
    ) -> tuple[PopulationState, int]:  # fmt: skip
        """Train for one round; see `rollout.play`."""
        return rollout.play(self._step, state, params, self.training(), seeds, ticks, stats, check)

    def evaluate(
        self, state: PopulationState, params: ControllerParams, members: np.ndarray, terrains: range,
        check: Callable[[float], None],
    ) -> dict[str, list]:  # fmt: skip
        """Evaluate on the walkers to train on, unless these are EnvPool's."""
        envs = self._held_out.envs() if self._environment.backend == "envpool" else self.training()
        return evaluate(envs, state, self._spec, params, members, terrains, check=check)

    def close(self) -> None:
        """Close what is open."""
        if self._training is not None:
            self._training.close()
        self._training = None
        self._held_out.close()


class DeviceWalkers(Walkers):
    """The JAX walkers to train on. Small populations are evaluated with gymnasium's own physics, on the processor."""

    def __init__(self, config: Config) -> None:
        """Prepare the walkers of a run."""
        # Imported here because other backends are not to wait for it.
        from dsjax.training import device_rollout, device_validation, devices

        self._rollout, self._validation, self._devices = device_rollout, device_validation, devices
        self._spec, self._pace = config.spec(), device_rollout.Pace()
        self._hardcore = config.environment.id == HARDCORE
        self._large = config.rows >= DEVICE_EVALUATION_MEMBERS
        self.terrains = JAX_TERRAINS if self._large else HostWalkers.terrains
        self.look = device_validation.LOOK if self._large else HostWalkers.look
        self._held_out = HeldOut(config)

    def open(self) -> None:
        """Make nothing: programs compile when they are first called."""

    def play(
        self, state: PopulationState, params: ControllerParams, seeds: Sequence[int | None], ticks: int,
        stats: EpisodeStats, check: Callable[[int], object],
    ) -> tuple[PopulationState, int]:  # fmt: skip
        """Train for one round, to its end; see `device_rollout.play`."""
        played = self._rollout.play(state, self._spec, params, seeds, ticks, stats, check, self._pace, self._hardcore)
        return played, ticks

    def evaluate(
        self, state: PopulationState, params: ControllerParams, members: np.ndarray, terrains: range,
        check: Callable[[float], None],
    ) -> dict[str, list]:  # fmt: skip
        """Evaluate on gymnasium's walkers, or a large population on the JAX ones."""
        if self._large:
            return self._validation.evaluate(state, self._spec, params, members, terrains, check, self._hardcore)
        # The walkers wait for the controllers at every step: a processor is the first to answer.
        state, params = jax.device_put((state, params), self._devices.host_device())
        return evaluate(self._held_out.envs(), state, self._spec, params, members, terrains, check=check)

    def close(self) -> None:
        """Close the walkers to evaluate on."""
        self._held_out.close()


class HeldOut:
    """A vector env with gymnasium's own physics, made when first asked for."""

    def __init__(self, config: Config) -> None:
        self._environment, self._rows = config.environment, config.rows
        self._envs: GroupedVectorEnv | None = None

    def envs(self) -> GroupedVectorEnv:
        """Return the vector env."""
        if self._envs is None:
            workers = self._environment.workers or None
            backend = choose("auto", self._rows, workers, gymnasium_only=True)
            self._envs = make_vector(self._environment.id, self._rows, backend, workers)
        return self._envs

    def close(self) -> None:
        """Close it; asked for again, it is made anew."""
        if self._envs is not None:
            self._envs.close()
        self._envs = None
