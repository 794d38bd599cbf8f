"""One round of training: the loop in which controllers and walkers take turns."""

from collections.abc import Callable

import jax
import numpy as np

from dsjax import population

# Purpose of these environment seeds, so that no other draws the same.
_TRAINING = 1


def training_step(spec) -> Callable:
    """Return the jitted step of a population: (state, observation, reward, starts, ends, params) -> (state, action)."""

    def step(state, observation, reward, starts, ends, params):
        state, action, _ = population.step(state, observation, reward, starts, ends, spec, params)
        return state, action

    return jax.jit(step)


def round_seeds(seed, number, active):
    """Return the seed of each member's episodes in a round; None, which rests, for those not active."""

    def one(member):
        sequence = np.random.SeedSequence(seed, spawn_key=(_TRAINING, member, number))
        return int(sequence.generate_state(1, np.uint64)[0] >> np.uint64(1))

    return [one(member) if is_active else None for member, is_active in enumerate(active)]


def play(step, state, envs, seeds, ticks, tally, check=lambda tick, state: None):
    """Train for one round: `ticks` steps of the vector env, from new episodes on.

    Args:
      step: (state, observation, reward, starts, ends) -> (state, action).
      state: PopulationState.
      envs: gymnasium VectorEnv of N envs, in NEXT_STEP autoreset mode.
      seeds: N seeds of the members' episodes; a member with None rests.
      ticks: steps of the vector env.
      tally: Tally that counts them.
      check: called with each tick's number and state; may raise to end the round.

    Returns:
      PopulationState.
    """
    resting = np.array([seed is None for seed in seeds])
    observation, _ = envs.reset(seed=seeds, options={})
    reward = np.zeros(len(seeds))
    starts, ends = np.ones(len(seeds), bool), resting
    tally.begin_round()
    for tick in range(ticks):
        state, action = step(state, observation, reward, starts, ends)
        observation, reward, terminated, truncated, _ = envs.step(np.asarray(action))
        resting = resting | ~np.asarray(state.running)
        # In NEXT_STEP mode the call after an episode's end resets: what ended now starts on the next call.
        starts, ends = ends, terminated | truncated | resting
        tally.observe(reward, terminated, truncated, ~(starts | resting))
        check(tick, state)
    # The round's end cuts every episode, as a time limit would.
    state, _ = step(state, observation, reward, starts, np.ones(len(seeds), bool))
    # The envs will reuse the arrays they gave: nothing may still be reading them.
    return jax.block_until_ready(state)
