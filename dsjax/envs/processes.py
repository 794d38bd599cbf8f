"""The async backend: walkers in a few worker processes, many to each."""

import pickle
import signal
from collections.abc import Iterable
from contextlib import suppress
from multiprocessing import get_context
from multiprocessing.connection import Connection
from typing import Any, NoReturn

import numpy as np

from dsjax.envs.vector import GroupedVectorEnv, Outcome, local

_OUTCOME = ("observation", "reward", "terminated", "truncated")


class WorkerDied(RuntimeError):
    """An env worker process ended without being asked to."""


class WorkerVectorEnv(GroupedVectorEnv):
    """A vector env whose envs live in a few worker processes, many to each.

    gymnasium's AsyncVectorEnv starts one process per env, which on few cores spends its time switching between them.
    Here each worker steps its share in turn and writes into memory shared with this process.
    """

    def __init__(self, env_id: str, count: int, workers: int, groups: int = 1, render: int | None = None) -> None:
        shares = [slice(int(part[0]), int(part[-1]) + 1) for part in np.array_split(np.arange(count), workers)]
        self._teams = [list(map(int, team)) for team in np.array_split(np.arange(workers), groups)]
        self._shares = shares
        super().__init__(env_id, tuple(slice(shares[t[0]].start, shares[t[-1]].stop) for t in self._teams))
        # A new interpreter for each worker: forking one that runs JAX's threads can deadlock.
        context = get_context("spawn")
        shared = {
            "observation": context.RawArray("f", count * self.single_observation_space.shape[0]),
            "action": context.RawArray("f", count * self.single_action_space.shape[0]),
            "reward": context.RawArray("d", count),
            "terminated": context.RawArray("b", count),
            "truncated": context.RawArray("b", count),
        }
        self._arrays = _views(shared, count)
        self._pipes, self._processes = [], []
        self._owed = [0] * workers  # replies that each worker has still to give
        for share in shares:
            ours, theirs = context.Pipe()
            process = context.Process(
                target=_work, args=(theirs, env_id, count, share, shared, render), daemon=True, name="dsjax-walkers"
            )
            process.start()
            theirs.close()
            self._pipes.append(ours)
            self._processes.append(process)

    def reset(self, *, seed: Any = None, options: dict[str, Any] | None = None) -> tuple[np.ndarray, dict[str, Any]]:
        """Begin a series of episodes in every env; see `bipedal.Episodes`."""
        seeds = list(seed) if seed is not None else [None] * self.num_envs
        everyone = range(len(self._pipes))
        self._drain()  # of a step that was sent and never received
        for number in everyone:
            self._tell(number, ("reset", (seeds[self._shares[number]], options)))
        self._wait(everyone)
        return self._arrays["observation"].copy(), {}

    def send(self, group: int, actions: np.ndarray) -> None:
        """Hand out a group's actions; its workers step meanwhile this process continues."""
        self._arrays["action"][self.groups[group]] = actions
        for number in self._teams[group]:
            self._tell(number, ("step", None))

    def recv(self, group: int) -> Outcome:
        """Wait for a group's workers and return what the step brought."""
        self._wait(self._teams[group])
        observation, reward, terminated, truncated = (self._arrays[name][self.groups[group]] for name in _OUTCOME)
        return observation, reward, terminated, truncated

    def close_extras(self, **kwargs: Any) -> None:
        """Ask the workers to end, and wait until they have."""
        for pipe in self._pipes:
            pipe.close()  # a worker ends when its pipe does
        for process in self._processes:
            process.join(timeout=5)
            if process.is_alive():
                process.kill()

    def _tell(self, number: int, message: tuple) -> None:
        try:
            self._pipes[number].send(message)
        except OSError:
            self._mourn(number)
        self._owed[number] += 1

    def _wait(self, numbers: Iterable[int]) -> None:
        """Wait for workers' replies.

        Raises:
          Exception: what went wrong in one of them; no reply is left that would pass for one to the next message.
          WorkerDied: one of them died.
        """
        try:
            for number in numbers:
                self._receive(number)
        except WorkerDied:
            raise
        except Exception:
            self._drain()
            raise

    def _drain(self) -> None:
        """Take all replies that are still to come, whatever they say: an error has been raised, or nobody asks."""
        for number, owed in enumerate(self._owed):
            for _ in range(owed):
                with suppress(Exception):
                    self._receive(number)

    def _receive(self, number: int) -> None:
        try:
            error = self._pipes[number].recv()
        except (EOFError, OSError):
            self._mourn(number)
        self._owed[number] -= 1
        if error is not None:
            raise error

    def _mourn(self, number: int) -> NoReturn:
        process = self._processes[number]
        process.join(timeout=1)
        self._owed[number] = 0
        share = self._shares[number]
        raise WorkerDied(
            f"env worker {number}, with members {share.start} to {share.stop - 1}, died (exit code {process.exitcode})"
        )


def _portable(error: Exception) -> Exception:
    """Return an error that can be sent to another process: itself, or one that says the same."""
    try:
        pickle.loads(pickle.dumps(error))
    except Exception:
        return RuntimeError(f"{type(error).__name__}: {error}")
    return error


def _views(shared: dict[str, Any], count: int) -> dict[str, np.ndarray]:
    """Return numpy views, shaped (count, ...), of the memory that processes share."""
    types = {"observation": np.float32, "action": np.float32, "reward": np.float64}
    views = {name: np.frombuffer(array, types.get(name, np.bool_)) for name, array in shared.items()}
    return {name: view.reshape(count, -1) if view.size != count else view for name, view in views.items()}


def _work(pipe: Connection, env_id: str, count: int, share: slice, shared: dict[str, Any], render: int | None) -> None:
    """Run one worker: reset or step its share of the envs whenever told, until the pipe closes."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)  # they may reach the whole process group; the parent decides
    arrays = {name: view[share] for name, view in _views(shared, count).items()}
    envs = local(env_id, range(share.start, share.stop), render)
    while True:
        try:
            command, payload = pipe.recv()
        except (EOFError, OSError):
            break
        try:
            if command == "reset":
                seeds, options = payload
                arrays["observation"][:], _ = envs.reset(seed=seeds, options=options)
            else:
                outcome = envs.step(arrays["action"])
                for name, value in zip(_OUTCOME, outcome, strict=False):
                    arrays[name][:] = value
            pipe.send(None)
        except Exception as error:
            pipe.send(_portable(error))
    envs.close()
