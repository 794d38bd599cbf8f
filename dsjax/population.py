"""Many independent controllers: the member axis.

Every leaf of a population's state and parameters has a leading member axis, and nothing else differs from a single
controller. A member depends only on the run's key and its own index: not on who else is in the population.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp

from dsjax import controller
from dsjax.controller import ControllerState

# Steps between two draws of all synapses' next periods; a period must not be shorter than these 1,056 ms. The shortest
# one is `synapse.SHORTEST` of the mean, which a config sets to 5,000 ms or more: 1,250 ms.
REDRAW_STEPS = 32


class PopulationState(NamedTuple):
    """What a population of N members carries from step to step."""

    key: jax.Array  # (N, 2) uint32, each member's own key as plain data, which jit and snapshots take like any array
    tick: jax.Array  # () int32, calls of `step` so far: the counter of every member's random stream
    running: jax.Array  # (N,) bool, False once a member's action was not finite: it rests from then on
    members: ControllerState  # leaves (N, ...)


def run_key(seed):
    """Return the PRNG key of a run, to which all 64 bits of its seed count.

    `jax.random.key` keeps the low 32 bits unless JAX computes in float64; for seeds below 2**32 the keys are the same.

    Args:
      seed: int in [0, 2**64).
    """
    return jax.random.wrap_key_data(jnp.array([seed >> 32, seed & 0xFFFFFFFF], jnp.uint32))


def share(params, members):
    """Return one controller's parameters for every member: each leaf () becomes (members,)."""
    return jax.tree.map(lambda leaf: jnp.full((members,), leaf, jnp.result_type(float)), params)


def init(key, members, spec, params):
    """Draw an untrained population.

    Args:
      key: PRNG key of the run, as from `run_key`.
      members: (N,) int, the members' indices in the run; `jnp.arange(N)` for a whole run.
      spec: ControllerSpec.
      params: ControllerParams with leaves (N,), as from `share`.

    Returns:
      PopulationState.
    """
    keys = jax.vmap(jax.random.fold_in, (None, 0))(key, members)
    # Streams of `init` and `step` must not meet: `step` folds in ticks, which are never negative.
    initial = jax.vmap(jax.random.fold_in, (0, None))(keys, jnp.uint32(2**32 - 1))
    return PopulationState(
        key=jax.random.key_data(keys),
        tick=jnp.int32(0),
        running=jnp.ones(len(members), bool),
        members=_over_members(lambda key, params: controller.init(key, spec, params), (initial, params)),
    )


def select(state, members):
    """Return the population of some members alone, by an index of the member axis; parameters take the same index."""
    rows = jax.tree.map(lambda leaf: leaf[members], (state.key, state.running, state.members))
    return PopulationState(rows[0], state.tick, *rows[1:])


def copy(state):
    """Return the population in arrays of its own, no two of which share memory."""
    return jax.tree.map(jnp.copy, state)


def join(states):
    """Return one population of several populations' members, in order; all must have taken as many steps."""
    rows = [(state.key, state.running, state.members) for state in states]
    rows = jax.tree.map(lambda *leaves: jnp.concatenate(leaves), *rows)
    return PopulationState(rows[0], states[0].tick, *rows[1:])


def step(state, observation, reward, starts, ends, spec, params, dt=controller.TIME_STEP):
    """Step every member once: `draw_periods` where `draw_due`, then `advance`.

    This is the whole step in one traceable function. A loop on the host does better to call its two halves apart: on
    a CPU the branch between them costs as much time as thirty members' steps.

    Args:
      state: PopulationState.
      observation: (N, 24).
      reward: (N,).
      starts: (N,) bool.
      ends: (N,) bool.
      spec: ControllerSpec.
      params: ControllerParams with leaves (N,).
      dt: () [ms].

    Returns:
      (PopulationState, action (N, 4), controller.Activity with leaves (N, ...)).
    """
    state = jax.lax.cond(draw_due(state.tick), lambda: draw_periods(state, params), lambda: state)
    return advance(state, observation, reward, starts, ends, spec, params, dt)


def draw_due(tick):
    """Return whether the synapses' next periods are to be drawn before the step of this tick."""
    return tick % REDRAW_STEPS == 0


def draw_periods(state, params):
    """Return the PopulationState with every synapse's next period drawn anew, from its member's key and the tick."""

    def one(key, member, params):
        key = jax.random.fold_in(jax.random.wrap_key_data(key), state.tick)
        return controller.draw_periods(key, member, params)

    return state._replace(members=_over_members(one, (state.key, state.members, params)))


def advance(state, observation, reward, starts, ends, spec, params, dt=controller.TIME_STEP):
    """Step every member once, next periods as they are; see `controller.advance`. Arguments and result as of `step`.

    A member whose action is not finite is stopped: its action is 0 from then on, and it no longer changes.
    """

    def one(member, running, observation, reward, starts, ends, params):
        stopped = ~running
        return controller.advance(member, observation, reward, starts | stopped, ends | stopped, spec, params, dt)

    arguments = state.members, state.running, observation, reward, starts, ends, params
    members, action, activity = _over_members(one, arguments)
    running = state.running & jnp.all(jnp.isfinite(action), axis=-1)
    action = jnp.where(running[:, None], action, 0)
    return PopulationState(state.key, state.tick + 1, running, members), action, activity


def perform(keys, members, observation, starts, spec, params, oscillating=False):
    """Let controllers act without learning; see `controller.perform`.

    Args:
      keys: (N, 2) uint32 key data, one key each.
      members: ControllerState with leaves (N, ...).
      observation: (N, 24).
      starts: (N,) bool.
      spec: ControllerSpec.
      params: ControllerParams with leaves (N,).
      oscillating: act with the oscillating weights instead of the centers. Static.

    Returns:
      (ControllerState with leaves (N, ...), action (N, 4), controller.Activity with leaves (N, ...)).
    """

    def one(key, member, observation, starts, params):
        key = jax.random.wrap_key_data(key)
        return controller.perform(key, member, observation, starts, spec, params, oscillating)

    return _over_members(one, (keys, members, observation, starts, params))


def _over_members(one, arguments):
    """Return vmap(one)(*arguments), with rounding that does not depend on the number of members.

    XLA compiles a population of one to other code, which rounds differently. So a lone member gets a double, and then
    it is, bit for bit, the member it would be among many.
    """
    first = jax.tree.leaves(arguments)[0]
    if len(first) > 1:
        return jax.vmap(one)(*arguments)
    doubled = jax.tree.map(lambda leaf: jnp.concatenate([leaf, leaf]), arguments)
    return jax.tree.map(lambda leaf: leaf[:1], jax.vmap(one)(*doubled))
