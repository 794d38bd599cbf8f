"""Chaotic synapses: weights are receptors that move between a neuron's dendrite and its synapses.

Of each synapse: w, the receptors in it; v, the rate at which they move; c, its center; g, its damping. Of each neuron
with n synapses: p, the concentration of free receptors in its dendrite, where n receptors are in all.

    E = c / (p + w - c)                                        the synapse's volume: p = w / E where w = c
    dw/dt = v (p if v > 0 else w / E)
    dv/dt = (k (p - w / E) + a sign(v) sqrt |v| - g v) / q

In the *shared* pool, p is what the synapses have left, n - sum w, over n. In the *diffusing* one every synapse has a
p of its own, which moves along the dendrite to its neighbors', with closed ends, and into the synapse:

    dp/dt = D (p_left - p) + D (p_right - p) - dw/dt

A reward m damps the movement, and a punishment frees it again: dg/dt = gamma m (g_max - g) g.
Source: Wei & Webb, A model of operant learning based on chaotically varying synaptic strength, Neural Networks 2018.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax.typing import DTypeLike

from dsjax.shapes import Array, Float, Key, Scalar

__all__ = ["ReceptorParams", "ReceptorState", "advance", "begin_pool", "damp", "init", "volume"]


class ReceptorParams(NamedTuple):
    """Constants of the receptors' movement, each shaped (), as published."""

    drive: Scalar = 0.5  # k, of the movement by the difference of concentrations
    self_excitation: Scalar = 100.0  # a, of the movement by itself
    inertia: Scalar = 3.5e6  # q
    diffusion: Scalar = 1e-4  # D [1/ms], along the dendrite; in the diffusing pool only
    first_damping: Scalar = 14_000.0  # g before any reward
    max_damping: Scalar = 70_000.0  # g_max


class ReceptorState(NamedTuple):
    """What the synapses of a layer, n_out neurons with n_in synapses each, carry from step to step."""

    center: Float[Array, "n_out n_in"]
    weight: Float[Array, "n_out n_in"]  # receptors in the synapse, between 0 and about 0.5
    rate: Float[Array, "n_out n_in"]  # [1/ms] at which they move
    pool: Float[Array, "n_out n_in"]  # concentration of free receptors beside the synapse
    damping: Float[Array, "n_out n_in"]


def init(
    key: Key[Array, ""], shape: tuple[int, int], params: ReceptorParams, diffusing: bool, dtype: DTypeLike | None = None
) -> ReceptorState:
    """Draw synapses at rest, with weights and centers in [0.2, 0.3).

    Args:
      key: PRNG key.
      shape: (n_out, n_in), neurons and the synapses of each.
      params: ReceptorParams.
      diffusing: whether every synapse has a pool of its own.
      dtype: floating type; JAX's default if None.

    Returns:
      ReceptorState.
    """
    dtype = dtype or jnp.result_type(float)
    weight, center = (jax.random.uniform(each, shape, dtype, 0.2, 0.3) for each in jax.random.split(key))
    damping = jnp.full(shape, params.first_damping, dtype)
    return ReceptorState(center, weight, jnp.zeros(shape, dtype), begin_pool(weight, diffusing), damping)


def begin_pool(weight: Float[Array, "n_out n_in"], diffusing: bool) -> Float[Array, "n_out n_in"]:
    """Return the concentrations beside synapses that hold so many receptors, (n_out, n_in)."""
    free = 1 - weight
    return free if diffusing else jnp.broadcast_to(free.mean(axis=1, keepdims=True), weight.shape)


def volume(
    center: Float[Array, "n_out n_in"], weight: Float[Array, "n_out n_in"], pool: Float[Array, "n_out n_in"]
) -> Float[Array, "n_out n_in"]:
    """Return the synapses' equivalent volume: of concentrations pool and weight / volume, neither moves receptors."""
    return center / (pool + weight - center)


def advance(state: ReceptorState, params: ReceptorParams, diffusing: bool, dt: Scalar) -> ReceptorState:
    """Let receptors move for dt, by one Runge-Kutta step of fourth order. Centers and damping are held.

    A shared pool is held too. Afterwards it is what the weights before the step had left: it is one step behind, as in
    the published code.

    Args:
      state: ReceptorState.
      params: ReceptorParams.
      diffusing: whether every synapse has a pool of its own. Static.
      dt: () [ms], far below the period of some 17 s; 0 leaves weights and rates unchanged.

    Returns:
      ReceptorState.
    """
    start = state.weight, state.rate, state.pool

    def slope(moved: tuple[Array, ...], share: float) -> tuple[Array, ...]:
        weight, rate, pool = (value + share * dt * change for value, change in zip(start, moved, strict=True))
        return _derivative(weight, rate, pool, state.center, state.damping, params, diffusing)

    first = slope(tuple(map(jnp.zeros_like, start)), 0.0)
    second = slope(first, 0.5)
    third = slope(second, 0.5)
    fourth = slope(third, 1.0)
    weight, rate, pool = (
        value + dt / 6 * (a + 2 * b + 2 * c + d)
        for value, a, b, c, d in zip(start, first, second, third, fourth, strict=True)
    )
    return state._replace(weight=weight, rate=rate, pool=pool if diffusing else begin_pool(state.weight, diffusing))


def damp(state: ReceptorState, amount: Scalar, params: ReceptorParams) -> ReceptorState:
    """Return the synapses damped by a reward, or freed by a punishment.

    Args:
      state: ReceptorState.
      amount: () gamma m dt.
      params: ReceptorParams.

    Returns:
      ReceptorState.
    """
    return state._replace(damping=state.damping + (params.max_damping - state.damping) * state.damping * amount)


def _derivative(
    weight: Array, rate: Array, pool: Array, center: Array, damping: Array, params: ReceptorParams, diffusing: bool
) -> tuple[Array, Array, Array]:
    """Return the derivatives of weight, rate and pool, (n_out, n_in) each [1/ms]."""
    inside = weight / volume(center, weight, pool)
    flow = rate * jnp.where(rate > 0, pool, inside)
    push = params.drive * (pool - inside) + params.self_excitation * jnp.sign(rate) * jnp.sqrt(jnp.abs(rate))
    acceleration = (push - damping * rate) / params.inertia
    if not diffusing:
        return flow, acceleration, jnp.zeros_like(pool)
    step = jnp.diff(pool, axis=1)
    spread = params.diffusion * (jnp.pad(step, ((0, 0), (0, 1))) - jnp.pad(step, ((0, 0), (1, 0))))
    return flow, acceleration, spread - flow
