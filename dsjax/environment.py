"""Walkers to train on: one gymnasium vector env per population, with resets that depend on nothing but their seed.

Two backends give the same bits: `sync` steps every env in this process, `async` in a few worker processes that each
hold many. This file knows gymnasium and numpy, not jax, because the workers import it.
"""

import os
import signal
from functools import partial
from multiprocessing import get_context
from typing import Any

import Box2D
import gymnasium
import numpy as np
from gymnasium.vector import AutoresetMode, SyncVectorEnv, VectorEnv
from gymnasium.vector.utils import batch_space

BACKENDS = ("auto", "sync", "async")
# Handing a step to workers costs 0.6 ms, stepping an env 0.35 ms: two workers gain from four envs on (measured by
# scripts/benchmark.py --backends sync async on 2 cores).
_ASYNC_ENVS = 4
_FALL_REWARD = -100.0  # BipedalWalker's reward for a fall, and for nothing else


class WorkerDied(RuntimeError):
    """An env worker process ended without being asked to."""


class Episodes(gymnasium.Wrapper):
    """Play a seeded series of episodes, then rest.

    `reset(seed=s, options={"episodes": n, "stride": k})` begins a series: its episode e runs on the terrain of seed
    s + e k, and every later `reset()`, as a vector env's autoreset calls it, goes to the next one. When n episodes are
    over, or if s is None, the env rests: it returns zeros and simulates nothing. Without `episodes` there is no end.

    gymnasium 1.4 keeps one Box2D world for the life of an env, whose contact and id lists remember earlier episodes,
    so that `reset(seed=s)` is not a function of s. A new world for every episode makes it one.
    """

    def __init__(self, env):
        super().__init__(env)
        self._nothing = np.zeros(env.observation_space.shape, env.observation_space.dtype)
        self._next_seed, self._stride, self._left = 0, 1, 0.0

    def reset(self, *, seed=None, options=None):
        """Begin a series if there are options, else go to the next episode of the one begun."""
        if options is not None:
            self._next_seed, self._stride = seed or 0, options.get("stride", 1)
            self._left = 0.0 if seed is None else options.get("episodes", float("inf"))
        self.resting = self._left <= 0
        if self.resting:
            return self._nothing, {}
        walker: Any = self.env.unwrapped
        # Without terrain the env takes nothing of the old world apart, and the old world goes as a whole.
        walker.terrain, walker.world = [], Box2D.b2World()
        terrain, self._next_seed, self._left = self._next_seed, self._next_seed + self._stride, self._left - 1
        return self.env.reset(seed=terrain)

    def step(self, action):
        """Step the env, or do nothing while resting."""
        if self.resting:
            return self._nothing, 0.0, False, False, {}
        return self.env.step(action)


def make(env_id, render_mode=None):
    """Return one walker, with its time limit and seeded series of episodes."""
    return Episodes(gymnasium.make(env_id, render_mode=render_mode, disable_env_checker=True))


def make_vector(env_id, count, backend="auto", workers=None, render=None):
    """Return a vector env of `count` walkers in NEXT_STEP autoreset mode.

    Args:
      env_id: "BipedalWalker-v3" or "BipedalWalkerHardcore-v3".
      count: number of envs.
      backend: "sync", "async", or "auto": async where there are cores and envs enough to gain from it.
      workers: processes of the async backend; None is one per core.
      render: index of one env to show in a window; None shows none.

    Raises:
      ValueError: the backend does not exist.
    """
    if backend not in BACKENDS:
        raise ValueError(f"environment.backend = {backend!r}: must be one of {', '.join(BACKENDS)}")
    workers = min(workers or cores(), count)
    if backend == "auto":
        backend = "async" if workers > 1 and count >= _ASYNC_ENVS else "sync"
    if backend == "sync":
        return _sync(env_id, range(count), render)
    return WorkerVectorEnv(env_id, count, workers, render)


def cores():
    """Return the number of processor cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _sync(env_id, indices, render):
    modes = ["human" if index == render else None for index in indices]
    return SyncVectorEnv([partial(make, env_id, mode) for mode in modes], copy=False)


def outcome_of(terminated, reward):
    """Return how an episode ended, from its last step: one of "fell", "finished", "timeout"."""
    if not terminated:
        return "timeout"
    return "fell" if reward == _FALL_REWARD else "finished"


class WorkerVectorEnv(VectorEnv):
    """A vector env whose envs live in a few worker processes, many to each.

    gymnasium's AsyncVectorEnv starts one process per env, which on few cores spends its time switching between them.
    Here each worker steps its share in turn and writes into memory shared with this process.
    """

    def __init__(self, env_id, count, workers, render=None):
        single = make(env_id)
        self.num_envs = count
        self.single_observation_space, self.single_action_space = single.observation_space, single.action_space
        self.observation_space = batch_space(single.observation_space, count)
        self.action_space = batch_space(single.action_space, count)
        self.metadata = {**single.metadata, "autoreset_mode": AutoresetMode.NEXT_STEP}
        single.close()
        # A new interpreter for each worker: forking one that runs JAX's threads can deadlock.
        context = get_context("spawn")
        shared = {
            "observation": context.RawArray("f", count * single.observation_space.shape[0]),
            "action": context.RawArray("f", count * single.action_space.shape[0]),
            "reward": context.RawArray("d", count),
            "terminated": context.RawArray("b", count),
            "truncated": context.RawArray("b", count),
        }
        self._arrays = _views(shared, count)
        self._pipes, self._processes, self._shares = [], [], []
        for indices in np.array_split(np.arange(count), workers):
            ours, theirs = context.Pipe()
            share = slice(int(indices[0]), int(indices[-1]) + 1)
            process = context.Process(
                target=_work, args=(theirs, env_id, count, share, shared, render), daemon=True, name="dsjax-walkers"
            )
            process.start()
            theirs.close()
            self._pipes.append(ours)
            self._processes.append(process)
            self._shares.append(share)

    def reset(self, *, seed=None, options=None):
        """Begin a series of episodes in every env; see `Episodes`."""
        seeds = list(seed) if seed is not None else [None] * self.num_envs
        self._tell([("reset", (seeds[share], options)) for share in self._shares])
        self._wait()
        return self._arrays["observation"].copy(), {}

    def step_async(self, actions):
        """Hand out the actions; the workers step while this process goes on."""
        self._arrays["action"][:] = actions
        self._tell([("step", None)] * len(self._pipes))

    def step_wait(self):
        """Return what the step brought; the arrays are valid until the next step."""
        self._wait()
        arrays = self._arrays
        return arrays["observation"], arrays["reward"], arrays["terminated"], arrays["truncated"], {}

    def step(self, actions):
        """Step every env."""
        self.step_async(actions)
        return self.step_wait()

    def close_extras(self, **kwargs):
        """Ask the workers to end, and wait until they have."""
        for pipe in self._pipes:
            pipe.close()  # a worker ends when its pipe does
        for process in self._processes:
            process.join(timeout=5)
            if process.is_alive():
                process.kill()

    def _tell(self, messages):
        for number, (pipe, message) in enumerate(zip(self._pipes, messages, strict=True)):
            try:
                pipe.send(message)
            except OSError:
                self._mourn(number)

    def _wait(self):
        for number, pipe in enumerate(self._pipes):
            try:
                error = pipe.recv()
            except (EOFError, OSError):
                self._mourn(number)
            if error is not None:
                raise error

    def _mourn(self, number):
        process = self._processes[number]
        process.join(timeout=1)
        share = self._shares[number]
        raise WorkerDied(
            f"env worker {number}, with members {share.start} to {share.stop - 1}, died (exit code {process.exitcode})"
        )


def _views(shared, count):
    """Return numpy views, shaped (count, ...), of the memory that processes share."""
    types = {"observation": np.float32, "action": np.float32, "reward": np.float64}
    views = {name: np.frombuffer(array, types.get(name, np.bool_)) for name, array in shared.items()}
    return {name: view.reshape(count, -1) if view.size != count else view for name, view in views.items()}


def _work(pipe, env_id, count, share, shared, render):
    """Run one worker: reset or step its share of the envs whenever told, until the pipe closes."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)  # they may reach the whole process group; the parent decides
    arrays = {name: view[share] for name, view in _views(shared, count).items()}
    envs = _sync(env_id, range(share.start, share.stop), render)
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
                for name, value in zip(("observation", "reward", "terminated", "truncated"), outcome, strict=False):
                    arrays[name][:] = value
            pipe.send(None)
        except Exception as error:
            pipe.send(error)
    envs.close()
