"""BipedalWalker-v3 as pure functions of N walkers: `reset` and `step`.

Both are compiled as one program, that of the step. Within a program of one's own they become part of it.
"""

from functools import partial

import jax
import jax.numpy as jnp

from dsjax.walker import kernel, physics, senses, terrain
from dsjax.walker.broad import MARGIN, box_of, find_new, no_contacts
from dsjax.walker.geometry import CENTERED, Pose, Vec, Velocity, broadcasting, frame
from dsjax.walker.ground import slots
from dsjax.walker.kernel import Method
from dsjax.walker.physics import State
from dsjax.walker.pieces import grown
from dsjax.walker.shapes import BODIES, HULL_CENTER, LEG_DOWN, LEG_HEIGHT, LEGS, leg_polygon
from dsjax.walker.terrain import Terrain

OBSERVATIONS, ACTIONS = 24, 4
TIME_LIMIT, HARDCORE_TIME_LIMIT = 1600, 2000  # steps
_START_X = terrain.PAD / 2 * terrain.STEP  # [m]
_START_Y = terrain.LEVEL + 2 * LEG_HEIGHT  # [m]
_LEG_ANGLE = 0.05  # [rad]


def reset(ground: Terrain | jax.Array, method: Method | None = None) -> tuple[State, jax.Array]:
    """Begin an episode of each of N walkers.

    Like gymnasium's reset this takes one step without torque, so that `step` follows it with the second.

    Args:
      ground: Terrain of N walkers, as from `generate` or `generate_hardcore`; or (N,) PRNG keys, for the former.
      method: how to compute; the best for the device if None. Static.

    Returns:
      (State, observation (N, 24)).
    """
    if not isinstance(ground, Terrain):
        ground = terrain.generate(ground)
    state = initial(ground)
    state, observation, *_ = step(state, jnp.zeros((len(ground.push), ACTIONS)), method)
    return state._replace(ticks=jnp.zeros_like(state.ticks)), observation


def step(
    state: State, action: jax.Array, method: Method | None = None
) -> tuple[State, jax.Array, jax.Array, jax.Array, jax.Array]:
    """Step N walkers by 1/50 s.

    Args:
      state: State.
      action: (N, 4), how much of its torque each motor may use and in which direction: hip and knee of leg 1, of leg 2.
        What is beyond [-1, 1] counts as its end.
      method: how to compute; the best for the device if None. Static.

    Returns:
      (State, observation (N, 24), reward (N,), terminated (N,) bool, truncated (N,) bool: the time limit is reached,
      1,600 steps, or 2,000 among obstacles).
    """
    state, *seen, _ = step_counting(state, action, method)
    return state, *seen


@partial(jax.jit, static_argnames="method")
@broadcasting
def step_counting(state: State, action: jax.Array, method: Method | None = None) -> tuple:
    """Step as `step` does; return also how many impacts were solved for each walker, (N,) int."""
    action = jnp.asarray(action).T
    state, impacts = physics.advance(state, action, method or kernel.default())
    poses, velocities = physics.bodies(state.position, Pose), physics.bodies(state.velocity, Velocity)
    observation = senses.observe(poses, velocities, state.ground, state.terrain)
    reward, terminated, shaping = senses.reward(poses, action, state.fallen, state.shaping)
    state = state._replace(shaping=shaping, ticks=state.ticks + 1)
    limit = TIME_LIMIT if state.terrain.boxes is None else HARDCORE_TIME_LIMIT
    return state, observation.T, reward, terminated, state.ticks >= limit, impacts


@jax.jit
@broadcasting
def initial(ground: Terrain) -> State:
    """Return walkers that stand above their ground, before the first step."""
    walkers = len(ground.push)
    position = _initial_position(walkers)
    legs = frame(Pose(Vec(position[1:, 0], position[1:, 1]), position[1:, 2]), CENTERED)
    box = grown(box_of(legs, leg_polygon(jnp.arange(LEGS)[:, None])), MARGIN)
    lanes = jnp.arange(LEGS * walkers)
    flat = jax.tree.map(jnp.ravel, box)
    contacts = no_contacts(slots(ground), len(lanes))
    contacts = find_new(contacts, ground, lanes % walkers, flat, jnp.ones_like(lanes, bool))
    return State(
        terrain=ground,
        position=position,
        velocity=jnp.zeros((BODIES, 3, walkers)),
        joint_impulse=jnp.zeros((4, 4, walkers)),
        limit=jnp.zeros((4, walkers), jnp.int32),
        box=jnp.stack(jax.tree.leaves(box), axis=1),
        contacts=jax.tree.map(lambda leaf: leaf.reshape(*leaf.shape[:-1], LEGS, walkers), contacts),
        ground=jnp.zeros((2, walkers), bool),
        fallen=jnp.zeros(walkers, bool),
        # The first reward of gymnasium's, which reset drops, has no shaping before it.
        shaping=jnp.zeros(walkers),
        ticks=jnp.zeros(walkers, jnp.int32),
    )


def _initial_position(walkers: int) -> jax.Array:
    """Return (5, 3, N): the hull, and both legs hanging from it, turned a little to the left and to the right."""
    rows = [(_START_X + HULL_CENTER.x, _START_Y + HULL_CENTER.y, 0.0)]
    for side in (-1, 1):
        for below in (0.5, 1.5):
            rows.append((_START_X, _START_Y - LEG_HEIGHT * below - LEG_DOWN, side * _LEG_ANGLE))
    return jnp.broadcast_to(jnp.asarray(rows, jnp.float32)[..., None], (BODIES, 3, walkers))
