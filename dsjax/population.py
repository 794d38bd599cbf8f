"""Many independent controllers: the member axis.

Every leaf of a population's state and parameters has a leading member axis, and nothing else differs from a single
controller. A member depends only on the run's key and its own index: not on who else is in the population.
"""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from dsjax import controller
from dsjax.controller import Activity, ControllerParams, ControllerSpec, ControllerState
from dsjax.observation import OBSERVATIONS
from dsjax.shapes import Array, ArrayLike, Bool, Float, Int, Key, Scalar, Shaped, UInt32, require_shape

__all__ = [
    "REDRAW_STEPS", "PopulationState", "advance", "copy", "draw_due", "draw_periods", "init", "join", "make_policy",
    "make_step", "perform", "run_key", "select", "share", "step",
]  # fmt: skip

# Steps between two draws of all synapses' next periods; a period must not be shorter than these 1,056 ms. The shortest
# one is `synapse.SHORTEST` of the mean, which a config sets to 5,000 ms or more: 1,250 ms.
REDRAW_STEPS = 32


class PopulationState(NamedTuple):
    """What a population of N members carries from step to step."""

    key: UInt32[Array, "n 2"]  # each member's own key as plain data, which jit and snapshots take like any array
    tick: Int[Array, ""]  # calls of `step` so far: the counter of every member's random stream
    running: Bool[Array, " n"]  # False once a member's action was not finite: it is stopped
    members: ControllerState  # leaves (N, ...)


def run_key(seed: int) -> Key[Array, ""]:
    """Return the PRNG key of a run, to which all 64 bits of its seed count.

    `jax.random.key` keeps the low 32 bits unless JAX computes in float64; for seeds below 2**32 the keys are the same.

    Args:
      seed: int in [0, 2**64).
    """
    return jax.random.wrap_key_data(jnp.array([seed >> 32, seed & 0xFFFFFFFF], jnp.uint32))


def share(params: ControllerParams, members: int) -> ControllerParams:
    """Return one controller's parameters for every member: each leaf () becomes (members,)."""
    return jax.tree.map(lambda leaf: jnp.full((members,), leaf, jnp.result_type(float)), params)


def init(
    key: Key[Array, ""], members: Int[ArrayLike, " n"], spec: ControllerSpec, params: ControllerParams,
    restarts: Int[ArrayLike, " n"] | int = 0,
) -> PopulationState:  # fmt: skip
    """Draw an untrained population.

    Args:
      key: PRNG key of the run, as from `run_key`.
      members: (N,) int, the members' indices in the run; `jnp.arange(N)` for a whole run.
      spec: ControllerSpec.
      params: ControllerParams with leaves (N,), as from `share`.
      restarts: (N,) int, how often each member has started over: it is drawn otherwise every time.

    Returns:
      PopulationState.
    """
    members = jnp.asarray(members)
    _require_params(params, len(members))
    keys = jax.vmap(jax.random.fold_in, (None, 0))(key, members)
    # Streams of `init` and `step` must not meet: `step` folds in ticks, which are never negative.
    streams = jnp.uint32(2**32 - 1) - jnp.asarray(restarts, jnp.uint32)
    initial = jax.vmap(jax.random.fold_in)(keys, jnp.broadcast_to(streams, (len(members),)))
    return PopulationState(
        key=jax.random.key_data(keys),
        tick=jnp.int32(0),
        running=jnp.ones(len(members), bool),
        members=_over_members(lambda key, params: controller.init(key, spec, params), (initial, params)),
    )


def select(state: PopulationState, members: Shaped[ArrayLike, " m"] | slice) -> PopulationState:
    """Return the population of some members alone, by an index of the member axis; parameters take the same index."""
    rows = jax.tree.map(lambda leaf: leaf[members], (state.key, state.running, state.members))
    return PopulationState(rows[0], state.tick, *rows[1:])


def copy(state: PopulationState) -> PopulationState:
    """Return the population in arrays of its own, no two of which share memory."""
    return jax.tree.map(jnp.copy, state)


def join(states: Sequence[PopulationState]) -> PopulationState:
    """Return one population of several populations' members, in order; all must have taken as many steps."""
    parts = [(state.key, state.running, state.members) for state in states]
    rows = jax.tree.map(lambda *leaves: jnp.concatenate(leaves), *parts)
    return PopulationState(rows[0], states[0].tick, *rows[1:])


def step(
    state: PopulationState, observation: Float[ArrayLike, "n 24"], reward: Float[ArrayLike, " n"],
    starts: Bool[ArrayLike, " n"], ends: Bool[ArrayLike, " n"], spec: ControllerSpec, params: ControllerParams,
    dt: Scalar = controller.TIME_STEP,
) -> tuple[PopulationState, Float[Array, "n 4"], Activity]:  # fmt: skip
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

    Raises:
      ValueError: an argument has another shape.
    """
    state = jax.lax.cond(draw_due(state.tick), lambda: draw_periods(state, spec, params), lambda: state)
    return advance(state, observation, reward, starts, ends, spec, params, dt)


def draw_due(tick: Int[Array, ""] | int) -> Bool[Array, ""] | bool:
    """Return whether the synapses' next periods are to be drawn before the step of this tick."""
    return tick % REDRAW_STEPS == 0


def draw_periods(state: PopulationState, spec: ControllerSpec, params: ControllerParams) -> PopulationState:
    """Return the PopulationState with every synapse's next period drawn anew, from its member's key and the tick.

    Raises:
      ValueError: `params` have another shape.
    """
    _require_params(params, len(state.running))

    def one(key: Array, member: ControllerState, params: ControllerParams) -> ControllerState:
        key = jax.random.fold_in(jax.random.wrap_key_data(key), state.tick)
        return controller.draw_periods(key, member, spec, params)

    return state._replace(members=_over_members(one, (state.key, state.members, params)))


def advance(
    state: PopulationState, observation: Float[ArrayLike, "n 24"], reward: Float[ArrayLike, " n"],
    starts: Bool[ArrayLike, " n"], ends: Bool[ArrayLike, " n"], spec: ControllerSpec, params: ControllerParams,
    dt: Scalar = controller.TIME_STEP,
) -> tuple[PopulationState, Float[Array, "n 4"], Activity]:  # fmt: skip
    """Step every member once, next periods as they are; see `controller.advance`. Arguments and result as of `step`.

    A member whose action is not finite is stopped: its action is 0 from then on, and it no longer changes.

    Raises:
      ValueError: an argument has another shape.
    """
    _require_shapes(len(state.running), params, observation, reward=reward, starts=starts, ends=ends)

    def one(
        member: ControllerState,
        running: Array,
        observation: Array,
        reward: Array,
        starts: Array,
        ends: Array,
        params: ControllerParams,
    ) -> Any:
        stopped = ~running
        return controller.advance(member, observation, reward, starts | stopped, ends | stopped, spec, params, dt)

    arguments = state.members, state.running, observation, reward, starts, ends, params
    members, action, activity = _over_members(one, arguments)
    running = state.running & jnp.all(jnp.isfinite(action), axis=-1)
    action = jnp.where(running[:, None], action, 0)
    return PopulationState(state.key, state.tick + 1, running, members), action, activity


def perform(
    key: UInt32[ArrayLike, "n 2"], state: ControllerState, observation: Float[ArrayLike, "n 24"],
    starts: Bool[ArrayLike, " n"], spec: ControllerSpec, params: ControllerParams, dt: Scalar = controller.TIME_STEP,
    oscillating: bool = False,
) -> tuple[ControllerState, Float[Array, "n 4"], Activity]:  # fmt: skip
    """Let controllers act without learning; see `controller.perform`.

    Args:
      key: (N, 2) uint32 key data, one key each.
      state: ControllerState with leaves (N, ...), as `PopulationState.members`.
      observation: (N, 24).
      starts: (N,) bool.
      spec: ControllerSpec.
      params: ControllerParams with leaves (N,).
      dt: () [ms] of controller time per environment step.
      oscillating: act with the oscillating weights instead of the centers. Static.

    Returns:
      (ControllerState with leaves (N, ...), action (N, 4), controller.Activity with leaves (N, ...)).

    Raises:
      ValueError: an argument has another shape.
    """
    require_shape("key", key, (len(state.action), 2), "(members, 2)")
    _require_shapes(len(state.action), params, observation, starts=starts)

    def one(key: Array, member: ControllerState, observation: Array, starts: Array, params: ControllerParams) -> Any:
        key = jax.random.wrap_key_data(key)
        return controller.perform(key, member, observation, starts, spec, params, dt, oscillating)

    return _over_members(one, (key, state, observation, starts, params))


def make_step(
    spec: ControllerSpec, dt: float = controller.TIME_STEP
) -> Callable[..., tuple[PopulationState, Array, Activity]]:
    """Return `step` of a structure as a jitted function.

    (state, observation (N, 24), reward (N,), starts (N,), ends (N,), params)
        -> (PopulationState, action (N, 4), Activity)
    """

    @jax.jit
    def jitted(
        state: Any, observation: Array, reward: Array, starts: Array, ends: Array, params: ControllerParams
    ) -> tuple[Any, Array, Activity]:
        return step(state, observation, reward, starts, ends, spec, params, dt)

    return jitted


def make_policy(
    spec: ControllerSpec, oscillating: bool = False, dt: float = controller.TIME_STEP
) -> Callable[..., tuple[ControllerState, Array, Activity]]:
    """Return `perform` of a structure as a jitted function: trained controllers that act and do not learn.

    (key (N, 2), state, observation (N, 24), starts (N,), params) -> (ControllerState, action (N, 4), Activity)
    """

    @jax.jit
    def jitted(
        key: Array, state: Any, observation: Array, starts: Array, params: ControllerParams
    ) -> tuple[Any, Array, Activity]:
        return perform(key, state, observation, starts, spec, params, dt, oscillating)

    return jitted


def _require_shapes(members: int, params: ControllerParams, observation: object, **others: object) -> None:
    """Raise ValueError unless arguments have the shapes of a population."""
    require_shape("observation", observation, (members, OBSERVATIONS), "(members, 24)")
    for name, value in others.items():
        require_shape(name, value, (members,), "(members,)")
    _require_params(params, members)


def _require_params(params: ControllerParams, members: int) -> None:
    """Raise ValueError unless every hyperparameter has one value per member."""
    for path, leaf in jax.tree_util.tree_leaves_with_path(params):
        if jnp.shape(leaf) != (members,):
            name = "params" + jax.tree_util.keystr(path)
            raise ValueError(
                f"{name} has shape {jnp.shape(leaf)}; must be (members,) = ({members},), as from population.share"
            )


def _over_members(one: Callable[..., Any], arguments: tuple) -> Any:
    """Return vmap(one)(*arguments), with rounding that does not depend on the number of members.

    XLA compiles a population of one to other code, which rounds differently. So pad a population of one with a
    copy: the member is then, bit for bit, what it would be among many.
    """
    first = jax.tree.leaves(arguments)[0]
    if len(first) > 1:
        return jax.vmap(one)(*arguments)
    doubled = jax.tree.map(lambda leaf: jnp.concatenate([leaf, leaf]), arguments)
    return jax.tree.map(lambda leaf: leaf[:1], jax.vmap(one)(*doubled))
