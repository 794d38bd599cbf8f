"""Evolution strategies on the same controller: they move its centers, the rule is off.

CMA-ES and PGPE (parameter-exploring policy gradients, PEPG) of evosax search the 94 weights that `configs/solve.toml`
lets learn, with a population of 64 and one episode a candidate; everything else of the controller is as there. Steps
are counted as a training counts them: of every candidate, in every episode.

    pip install 'dsjax[baselines]'
    python examples/baselines/evolution.py --method CMA_ES --seed 0 --steps 20000000
"""

import argparse
import time
from math import prod
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
from evosax import algorithms
from scoring import TASK, gymnasium_walkers, report

from dsjax import population
from dsjax.config import loading
from dsjax.config.shipped import find_config
from dsjax.controller import LAYERS
from dsjax.envs.make import make_vector
from dsjax.evaluation.evaluate import evaluate
from dsjax.storage.states import untrained

RESTING = prod(LAYERS[0])  # synapses of layer 1, which rest in `solve`
POPULATION = 64
SPREAD = 0.1  # as in estool, whose CMA-ES and PEPG solved this task


class Candidates:
    """A population of controllers that differ in their learned weights."""

    def __init__(self, seed: int) -> None:
        """Draw an untrained controller, whose resting weights all candidates share."""
        config = loading.read_config(find_config("solve"), members=1, seed=seed)
        self.spec, one = config.spec(), untrained(config)
        self._params = config.population_params()
        self.start = np.asarray(one.members.synapses.center)[0, RESTING:]
        self._one = one
        self._act = jax.jit(lambda *given: population.perform(*given[:4], self.spec, given[4])[:2])

    def of(self, weights: np.ndarray):
        """Return the state and the parameters of controllers with these weights, (N, 94)."""
        count = len(weights)
        state, params = jax.tree.map(lambda leaf: jnp.repeat(leaf, count, axis=0), (self._one.members, self._params))
        center = state.synapses.center.at[:, RESTING:].set(weights)
        learning = state.learning._replace(average=center)
        return state._replace(synapses=state.synapses._replace(center=center), learning=learning), params

    def play(self, envs, weights: np.ndarray, seeds: list[int]) -> tuple[np.ndarray, int]:
        """Let every candidate play an episode; return its returns, (N,), and the steps that all took."""
        state, params = self.of(weights)
        keys = jnp.zeros((len(weights), 2), jnp.uint32)
        observation, _ = envs.reset(seed=seeds)
        starts, over = np.ones(len(weights), bool), np.zeros(len(weights), bool)
        total, steps = np.zeros(len(weights)), 0
        while not over.all():
            state, action = self._act(keys, state, observation, starts, params)
            observation, reward, terminated, truncated, _ = envs.step(np.asarray(action))
            total += np.where(over, 0.0, reward)
            steps += int((~over).sum())
            over |= terminated | truncated
            starts = np.zeros_like(starts)
        return total, steps

    def score(self, weights: np.ndarray, episodes: int = 100) -> dict[str, list]:
        """Play controllers with these weights, (N, 94), on `test-v1`."""
        state, params = self.of(weights)
        members = population.PopulationState(
            jnp.repeat(self._one.key, len(weights), axis=0), self._one.tick, jnp.ones(len(weights), bool), state
        )
        envs = gymnasium_walkers(episodes)
        try:
            return evaluate(
                envs, members, self.spec, params, range(len(weights)), range(episodes), terrain_set="test-v1"
            )
        finally:
            envs.close()


def evolve(method: str, seed: int, steps: int, every: int, output: Path) -> None:
    """Search for so many steps of the environment, and score the mean of the distribution every so many."""
    candidates, chance = Candidates(seed), np.random.default_rng(seed)
    strategy = getattr(algorithms, method)(POPULATION, jnp.asarray(candidates.start))
    params = strategy.default_params.replace(std_init=SPREAD)
    key = jax.random.key(seed)
    state = strategy.init(key, jnp.asarray(candidates.start), params)
    envs = make_vector(TASK, POPULATION)
    done, due, began = 0, every, time.monotonic()
    while done < steps:
        key, ask, tell = jax.random.split(key, 3)
        weights, state = strategy.ask(ask, state, params)
        returns, taken = candidates.play(envs, np.asarray(weights), chance.integers(2**31, size=POPULATION).tolist())
        state, _ = strategy.tell(tell, weights, -jnp.asarray(returns), state, params)  # evosax minimizes
        done += taken
        if done >= due or done >= steps:
            due += every
            print(f"{done:,} steps: mean {returns.mean():.0f}, best {returns.max():.0f}", flush=True)
            rows = candidates.score(np.asarray(strategy.get_mean(state))[None])
            report(output, method, seed, done, time.monotonic() - began, rows)
    envs.close()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--method", choices=("CMA_ES", "PGPE"), default="CMA_ES")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--steps", type=int, default=20_000_000)
    parser.add_argument("--every", type=int, default=4_000_000, help="steps between two scores")
    parser.add_argument("--output", type=Path, default=Path("runs/baselines.jsonl"))
    given = parser.parse_args()
    evolve(given.method, given.seed, given.steps, given.every, given.output)
