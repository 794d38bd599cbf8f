"""Another library on the walker in JAX: evosax evolves a linear policy that walks.

64 policies of 100 weights each walk side by side, each on ground of its own, and natural evolution strategies (SNES)
move the distribution that they are drawn from. Episodes are short at first, 100 steps, and grow by 10 with every
generation. In the end the mean of the distribution is scored over whole episodes: in JAX and, the same weights, in
gymnasium's own BipedalWalker-v3.

    pip install 'dsjax[examples]'
    python examples/walker_evolution.py
"""

import time

import gymnasium
import jax
import jax.numpy as jnp
import numpy as np
from evosax.algorithms import SNES

from dsjax import walker

POLICIES, GENERATIONS, SPREAD = 64, 80, 0.3
SHORTEST, GROWTH, EPISODES = 100, 10, 10
START = {"weights": jnp.zeros((24, 4)), "bias": jnp.zeros(4)}


def act(policy, observation):
    """Return the action of a policy, (4,)."""
    return jnp.tanh(observation @ policy["weights"] + policy["bias"])


@jax.jit
def play(policies, key, limit):
    """Let every policy play an episode of at most so many steps; return their returns, (64,)."""

    def going_on(carry):
        *_, over, step = carry
        return (step < limit) & ~over.all()

    def tick(carry):
        state, observation, total, over, step = carry
        state, observation, reward, terminated, _ = walker.step(state, jax.vmap(act)(policies, observation))
        return state, observation, total + jnp.where(over, 0, reward), over | terminated, step + 1

    state, observation = walker.reset(jax.random.split(key, POLICIES))
    start = state, observation, jnp.zeros(POLICIES), jnp.zeros(POLICIES, bool), 0
    return jax.lax.while_loop(going_on, tick, start)[2]


def evolve(generations: int = GENERATIONS, seed: int = 0):
    """Return the mean policy after so many generations, and print their progress."""
    evolution = SNES(POLICIES, START)
    params, key = evolution.default_params.replace(std_init=SPREAD), jax.random.key(seed)
    state, begun = evolution.init(key, START, params), time.monotonic()
    for generation in range(1, generations + 1):
        key, ask, ground, tell = jax.random.split(key, 4)
        policies, state = evolution.ask(ask, state, params)
        steps = SHORTEST + GROWTH * generation
        returns = play(policies, ground, steps)
        state, _ = evolution.tell(tell, policies, -returns, state, params)  # evosax minimizes
        if generation % 10 == 0:
            print(
                f"generation {generation}: mean {returns.mean():.0f}, best {returns.max():.0f} in {steps} steps, "
                f"{time.monotonic() - begun:.0f} s",
                flush=True,
            )
    return evolution.get_mean(state)


def score_in_gymnasium(policy, episodes: int = EPISODES) -> np.ndarray:
    """Return the returns of a policy in gymnasium's walker, (episodes,)."""
    env, returns, run = gymnasium.make("BipedalWalker-v3"), np.zeros(episodes), jax.jit(act)
    for episode in range(episodes):
        observation, over = env.reset(seed=episode)[0], False
        while not over:
            observation, reward, terminated, truncated, _ = env.step(np.asarray(run(policy, observation)))
            returns[episode] += reward
            over = terminated or truncated
    env.close()
    return returns


if __name__ == "__main__":
    best = evolve()
    same = jax.tree.map(lambda leaf: jnp.broadcast_to(leaf, (POLICIES, *leaf.shape)), best)
    for name, returns in (
        ("this package's walker", play(same, jax.random.key(1), walker.TIME_LIMIT)),
        ("gymnasium's", score_in_gymnasium(best)),
    ):
        print(f"return in whole episodes, {name}: mean {returns.mean():.0f}, worst {returns.min():.0f}")
