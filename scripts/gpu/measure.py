#!/usr/bin/env python
"""Check and measure the JAX walkers on a GPU, on a machine that need not have gymnasium, tyro or pydantic.

python scripts/gpu/measure.py prepare gpu           on a machine with all of dsjax: the controller of `solve`
bash scripts/benchmark_gpu.sh gpu results           on the GPU's: all measurements, in commands of some minutes
python scripts/gpu/measure.py score gpu results     with all of dsjax again: score what was trained by gymnasium
"""

import argparse
import pickle
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, TypeAlias

import jax
import jax.numpy as jnp
import numpy as np

from dsjax import population
from dsjax.training import device_rollout, devices, rollout
from dsjax.training.episode_stats import EpisodeStats
from dsjax.training.random_walk import random_walk
from dsjax.walker import kernel

ROOT = Path(__file__).resolve().parents[2]
BEST = 16  # members that come back
EPISODES = 100  # on which each of them is scored
Run: TypeAlias = Callable[[int], None]  # steps everything so many times
_COMPILING_TICKS, _ROUND_TICKS = 20, 2000  # of the first round of the training, and of the others
_TICKS = 20  # of a first measurement, by which the length of the second is chosen


def main() -> None:
    """Run one of the commands."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("command", choices=["prepare", "correct", "speed", "train", "score"])
    parser.add_argument("folder", type=Path, help="with the controller of `solve`, from `prepare`")
    parser.add_argument("results", type=Path, nargs="?", default=Path("results"), help="to write to, or to score")
    parser.add_argument("--members", type=int, nargs="+", default=[4096])
    parser.add_argument("--form", choices=["kernels", "plain", "default"], default="default")
    parser.add_argument("--seconds", type=float, default=5.0, help="of a measurement, or of the training")
    arguments = parser.parse_args()
    forms = {"kernels": kernel.GPU, "plain": kernel.XLA_GPU, "default": kernel.default()}
    kernel.default = lambda: forms[arguments.form]
    arguments.results.mkdir(parents=True, exist_ok=True)
    globals()[arguments.command](arguments)


def prepare(arguments: argparse.Namespace) -> None:
    """Write spec and params of configs/solve.toml, which takes what a GPU's machine may lack."""
    from dsjax.config import loading

    config = loading.read_config(ROOT / "configs" / "solve.toml", members=1)
    arguments.folder.mkdir(parents=True, exist_ok=True)
    made = config.spec(), jax.device_get(config.population_params())
    (arguments.folder / "solve.pickle").write_bytes(pickle.dumps(made))


def correct(arguments: argparse.Namespace) -> None:
    """Compare recorded steps of Box2D with the kernels, with plain XLA, and these with each other."""
    sys.path.append(str(ROOT / "tests"))
    from walker_recordings import TRIMMED, state_of  # type: ignore[import-not-found]

    from dsjax.walker.walker import step_counting

    recording = np.load(TRIMMED)
    rows = np.arange(len(recording["step"]))
    state, action = state_of(recording, rows), jnp.asarray(recording["action"], jnp.float32)
    goes_on, expected = ~recording["terminated"], np.moveaxis(recording["after_bodies"], 0, -1)
    found = {}
    for name, method in {"kernels": kernel.GPU, "plain": kernel.XLA_GPU}.items():
        if name == "kernels" and jax.default_backend() == "cpu":
            method = method._replace(interpret=True)
        after, *_, terminated, _, impacts = jax.device_get(
            jax.jit(partial(step_counting, method=method))(state, action)
        )
        found[name] = np.concatenate([after.position, after.velocity], axis=1)[..., goes_on]
        error = np.abs(found[name] - expected[..., goes_on]).max(0)
        position, velocity = error[:3].max(0), error[3:].max(0)
        print(
            f"{name:8} positions 99 % {np.quantile(position, 0.99):.1e}, "
            f"velocities 99 % {np.quantile(velocity, 0.99):.1e}, "
            f"terminations that differ {(terminated != recording['terminated']).sum()}, "
            f"impacts {(impacts != recording['toi_events'])[goes_on].sum()} of {goes_on.sum()}",
            flush=True,
        )
    apart = np.abs(found["kernels"] - found["plain"]).max((0, 1))
    print(f"kernels and plain apart: median {np.median(apart):.1e}, 99 % {np.quantile(apart, 0.99):.1e}", flush=True)


def speed(arguments: argparse.Namespace) -> None:
    """Measure walkers alone, at random, and the whole training loop."""
    print(f"{'members':>8} {'form':8} {'walkers alone':>15} {'training':>15}  steps/s   (compiling)", flush=True)
    for members in arguments.members:
        alone, first = _measured(random_walk(members), members, arguments.seconds)
        training, second = _measured(_training(arguments.folder, members), members, arguments.seconds)
        compiling = f"({first:.0f} s, {second:.0f} s)"
        print(f"{members:8} {arguments.form:8} {alone:15,.0f} {training:15,.0f}  {compiling:>20}", flush=True)


def train(arguments: argparse.Namespace) -> None:
    """Train `solve` for some seconds, after a round that compiles, and keep the best members."""
    members = arguments.members[0]
    spec, params = _controller(arguments.folder, members)
    state = population.init(population.run_key(0), jnp.arange(members), spec, params)
    stats, pace = EpisodeStats(members), device_rollout.Pace()

    def play_round(state: Any, number: int, ticks: int) -> Any:
        seeds = rollout.round_seeds(0, number, range(members), np.ones(members, bool))
        state = device_rollout.play(state, spec, params, seeds, ticks, stats, pace=pace)
        stats.end_round(number)
        learning = stats.training_return()
        print(f"round {number}: {stats.steps.sum():,} steps, learning median {np.nanmedian(learning):.1f}, "
              f"best {np.nanmax(learning):.1f}", flush=True)  # fmt: skip
        return state

    state = play_round(state, 1, _COMPILING_TICKS)
    number, counted, started = 1, stats.steps.sum(), time.monotonic()
    while time.monotonic() - started < arguments.seconds:
        number += 1
        state = play_round(state, number, _ROUND_TICKS)
    rate = (stats.steps.sum() - counted) / (time.monotonic() - started)
    learning = stats.training_return()
    best = np.argsort(np.nan_to_num(learning, nan=-np.inf))[::-1][:BEST]
    kept = jax.device_get(population.select(state, best)), jax.device_get(jax.tree.map(lambda leaf: leaf[best], params))
    facts = {"steps": stats.steps[best], "learning": learning[best], "members": members, "rate": rate, "row": best}
    (arguments.results / "best.pickle").write_bytes(pickle.dumps((spec, *kept, facts)))
    print(f"{members} members: {rate:,.0f} steps/s in training, statistics and all; {stats.steps.sum():,} steps")


def score(arguments: argparse.Namespace) -> None:
    """Score the frozen centers of the members that were kept, by gymnasium, on terrains that decided nothing."""
    from dsjax.envs.make import make_vector
    from dsjax.evaluation.evaluate import evaluate

    spec, state, params, facts = pickle.loads((arguments.results / "best.pickle").read_bytes())
    envs = make_vector("BipedalWalker-v3", len(facts["row"]), "async")
    rows = evaluate(envs, state, spec, params, np.arange(len(facts["row"])), range(EPISODES), terrain_set="test-v1")
    envs.close()
    returns = np.reshape(rows["return"], (len(facts["row"]), EPISODES))
    for place, row in enumerate(facts["row"]):
        print(f"member {row}: frozen {returns[place].mean():.1f} on {EPISODES} terrains of test-v1, learning "
              f"{facts['learning'][place]:.1f}, after {facts['steps'][place]:,} steps")  # fmt: skip


def _controller(folder: Path, members: int) -> tuple[Any, Any]:
    """Return spec and params of `solve` for so many members."""
    spec, params = pickle.loads((folder / "solve.pickle").read_bytes())
    return spec, population.share(jax.tree.map(lambda leaf: leaf[0], params), members)


def _measured(run: Run, members: int, seconds: float) -> tuple[float, float]:
    """Return how many environment steps/s run(ticks) makes, and how long its first call took [s]."""
    begun = time.monotonic()
    run(1)
    first = time.monotonic() - begun
    run(_TICKS)  # walkers have fallen and begun again
    begun = time.monotonic()
    run(_TICKS)
    ticks = max(_TICKS, int(seconds * _TICKS / (time.monotonic() - begun)))
    begun = time.monotonic()
    run(ticks)
    return ticks * members / (time.monotonic() - begun), first


def _training(folder: Path, members: int) -> Run:
    """Return a function that trains `solve` for so many ticks, statistics on the host included."""
    spec, params = _controller(folder, members)
    state = population.init(population.run_key(0), jnp.arange(members), spec, params)
    seeds = rollout.round_seeds(0, 1, range(members), np.ones(members, bool))
    pace = device_rollout.Pace()
    device_rollout.programs.cache_clear()  # the form may be another now

    def run(ticks: int) -> None:
        device_rollout.play(state, spec, params, seeds, ticks, EpisodeStats(members), pace=pace)

    return run


if __name__ == "__main__":
    print(", ".join(sorted({device.device_kind for device in devices.jax.devices()})), "jax", jax.__version__)
    main()
