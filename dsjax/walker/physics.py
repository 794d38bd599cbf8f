"""The walker's state, and one step of its world, in Box2D's order."""

from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from dsjax.walker import impact, island, joints, touching
from dsjax.walker.broad import Contacts, find_new, follow
from dsjax.walker.contacts import Contact, Impulses
from dsjax.walker.geometry import CENTERED, Pose, Vec, Velocity, frame, settle
from dsjax.walker.island import Begun, Island, Solved
from dsjax.walker.joints import JointImpulse
from dsjax.walker.kernel import Method
from dsjax.walker.lanes import on_active, width_of
from dsjax.walker.manifold import Manifold
from dsjax.walker.pieces import Box
from dsjax.walker.shapes import BODIES, HULL, LEGS, leg_polygon
from dsjax.walker.stack import joined, listed
from dsjax.walker.terrain import Terrain
from dsjax.walker.touching import MAX_CONTACTS, Slots

_FEW_ITERATIONS = 3  # of positions, after which two thirds of all walkers need no more
_NUMBERS = 2, MAX_CONTACTS  # of contacts that velocities are compiled for
_FEW_CONTACTS = 4  # that nearly all walkers have at most
_CROWDED_SHARE = 0.03  # of walkers that have more


class State(NamedTuple):
    """N walkers and their ground. Walkers are the last axis of every array, so that each scalar is a vector of them."""

    terrain: Terrain
    position: jax.Array  # (5, 3, N): of each body the center of mass x, y [m] and the angle [rad]
    velocity: jax.Array  # (5, 3, N) [m/s, rad/s]
    joint_impulse: jax.Array  # (4, 4, N): of each joint x, y [N s], limit and motor [N m s]
    limit: jax.Array  # (4, N) int: state of each joint's limit, -1 at the lower, 1 at the upper one
    box: jax.Array  # (4, 4, N) [m]: lower x, y, upper x, y of each leg's fat box
    contacts: Contacts  # of the legs with the ground, leaves (..., S, 4, N)
    ground: jax.Array  # (2, N) bool: whether each lower leg is in contact, as the observation has it
    fallen: jax.Array  # (N,) bool: the hull touched the ground
    shaping: jax.Array  # (N,) what the next reward is compared with
    ticks: jax.Array  # (N,) int: steps since the episode began


def advance(state: State, action: jax.Array, method: Method) -> tuple[State, jax.Array]:
    """Return the walkers after a time step of 1/50 s, and how many impacts were solved, (N,) int.

    Contacts are brought up to date; velocities, then positions are solved; new contacts are looked for; at last legs
    that went into the ground are brought back to where they touched it.

    Args:
      state: N walkers; what is observed of them (`shaping`, `ticks`) stays as it is.
      action: (4, N).
      method: how to compute.
    """
    terrain, poses = state.terrain, bodies(state.position, Pose)
    walkers = len(terrain.push)
    lanes = jnp.arange(LEGS * walkers)
    boxes, before = _flat_box(state.box), _flat(state.contacts)
    contacts, manifold = settle(
        touching.update(before, boxes, frame(_legs(poses), CENTERED), lanes // walkers, lanes % walkers, terrain)
    )
    ground = touching.ground_flags(state.ground, before, contacts)

    solved, contacts = _solve(state, poses, action, contacts, manifold, method)
    start, end, velocity = (_legs(five) for five in (poses, solved.poses, solved.velocities))
    box, redrawn = follow(boxes, start, end, leg_polygon(lanes // walkers))
    contacts = find_new(contacts, terrain, lanes % walkers, box, redrawn)

    both = jnp.stack([jnp.zeros_like(ground[0]), ground[0], jnp.zeros_like(ground[1]), ground[1]]).reshape(-1)
    struck = impact.resolve(impact.begin(start, end, velocity, box, contacts, both), terrain, method)
    fallen = state.fallen | impact.hull_touches(poses[HULL], solved.poses[HULL], terrain, method)
    state = state._replace(
        terrain=terrain._replace(push=jnp.zeros_like(terrain.push)),
        position=_joined(solved.poses[HULL], struck.end, walkers),
        velocity=_joined(solved.velocities[HULL], struck.velocity, walkers),
        joint_impulse=jnp.stack([jnp.stack([i.point.x, i.point.y, i.limit, i.motor]) for i in solved.joint_impulses]),
        limit=jnp.stack(solved.limits),
        box=jnp.stack(jax.tree.leaves(struck.box)).reshape(4, LEGS, walkers).swapaxes(0, 1),
        contacts=jax.tree.map(lambda leaf: leaf.reshape(*leaf.shape[:-1], LEGS, walkers), struck.contacts),
        ground=struck.flag.reshape(LEGS, walkers)[1::2],
        fallen=fallen,
    )
    return state, struck.events.reshape(LEGS, walkers).sum(0)


def bodies(array: jax.Array, kind: Any) -> tuple:
    """Return an array (5, 3, N) as five poses or velocities."""
    return tuple(kind(Vec(x, y), angle) for x, y, angle in (array[body] for body in range(BODIES)))


def _solve(
    state: State, poses: tuple, action: jax.Array, contacts: Contacts, manifold: Manifold, method: Method
) -> tuple[Solved, Contacts]:
    """Solve every walker's island; return also the contacts with the impulses that were found."""
    problem = Island(
        poses,
        bodies(state.velocity, Velocity),
        state.terrain.push,
        joints.motors(tuple(action)),
        tuple(JointImpulse(Vec(i[0], i[1]), i[2], i[3]) for i in state.joint_impulse),
        tuple(state.limit),
    )
    slots = touching.slots(contacts, manifold)
    solver = _solve_in_kernels if method.kernels else _solve_by_count
    solved = solver(problem, slots, (slots.manifold.count > 0).sum(0), method)
    return solved, touching.stored(contacts, slots.places, solved.impulses)


def _solve_by_count(problem: Island, slots: Slots, count: jax.Array, method: Method) -> Solved:
    """Solve walkers with about as many contacts together."""
    order = jnp.argsort(count).astype(jnp.int32)
    width = min(method.block, width_of(len(count), 1.0))

    def chosen(slots: Slots) -> tuple[Contact, Impulses, jax.Array]:
        most = jnp.where(slots.places < MAX_CONTACTS, slots.places + 1, 0).max()
        return *settle(touching.choose(slots, MAX_CONTACTS)), most

    def with_contacts(number: int, begun: Begun, *stacks: Any) -> Any:
        first = jax.tree.map(lambda leaf: leaf[:number], stacks)
        *solved, impulses = island.iterate_velocities(begun, *first)
        return *solved, joined(impulses, MAX_CONTACTS)

    def velocities(problem: Island, slots: Slots) -> Solved:
        stack, impulses, most = chosen(slots)
        enough = sum((most > number).astype(jnp.int32) for number in _NUMBERS[:-1])
        begun = island.begin(problem)
        solved = jax.lax.switch(enough, [partial(with_contacts, k) for k in _NUMBERS], begun, stack, impulses)
        return island.finish(begun, *solved)

    def positions(carry: Any) -> Any:
        """Iterate with all whose positions are not met: a few times at first, as two thirds need no more."""
        number, poses, met = carry
        iterations = jnp.where(number == 0, _FEW_ITERATIONS, island.POSITION_ITERATIONS - _FEW_ITERATIONS)

        def push(poses: Any, limits: Any, slots: Slots) -> Any:
            stack, _, most = chosen(slots)
            return island.solve_positions(poses, stack, most, limits, iterations)

        poses, met = on_active(push, ~met, (poses, solved.limits, slots), width, (poses, met), order)
        return number + 1, poses, met

    nobody = jnp.zeros_like(count, bool)
    solved = on_active(velocities, ~nobody, (problem, slots), width, order=order)
    # Both times are one loop, so that they are one program.
    poses = jax.lax.while_loop(lambda carry: carry[0] < 2, positions, (0, solved.poses, nobody))[1]
    return solved._replace(poses=poses)


def _solve_in_kernels(problem: Island, slots: Slots, count: jax.Array, method: Method) -> Solved:
    """Solve every walker with as many contacts as most have, and those with more of them apart."""

    def with_contacts(number: int) -> Any:
        def solve(problem: Island, slots: Slots) -> Solved:
            solved = method.run(_kernel, problem, *map(listed, touching.choose(slots, number)))
            return solved._replace(impulses=joined(solved.impulses, MAX_CONTACTS))

        return solve

    few = with_contacts(_FEW_CONTACTS)(problem, slots)
    width = width_of(len(count), _CROWDED_SHARE)
    return on_active(with_contacts(MAX_CONTACTS), count > _FEW_CONTACTS, (problem, slots), width, few)


def _kernel(problem: Island, stack: list[Contact], impulses: list[Impulses]) -> Solved:
    begun = island.begin(problem)
    solved = island.finish(begun, *island.iterate_velocities(begun, stack, impulses))
    poses, _ = island.solve_positions(solved.poses, stack, None, solved.limits, island.POSITION_ITERATIONS)
    return solved._replace(poses=poses)


def _legs(five: tuple) -> Any:
    """Return what belongs to the legs, of what belongs to five bodies, with leaves (4 N,): lane k N + w is leg k of
    walker w."""
    return jax.tree.map(lambda *leaves: jnp.concatenate(leaves), *five[1:])


def _flat(contacts: Contacts) -> Contacts:
    """Return contacts (..., S, 4, N) with legs and walkers as one axis of lanes."""
    return jax.tree.map(lambda leaf: leaf.reshape(*leaf.shape[:-2], -1), contacts)


def _flat_box(array: jax.Array) -> Box:
    """Return boxes (4 legs, 4, N) with leaves (4 N,)."""
    lower_x, lower_y, upper_x, upper_y = (array[:, side].reshape(-1) for side in range(4))
    return Box(Vec(lower_x, lower_y), Vec(upper_x, upper_y))


def _joined(hull: Any, legs: Any, walkers: int) -> jax.Array:
    """Return poses or velocities of the hull, (N,), and of the legs, (4 N,), as (5, 3, N)."""
    rows = [
        jnp.concatenate([own[None], leg.reshape(LEGS, walkers)])
        for own, leg in zip(jax.tree.leaves(hull), jax.tree.leaves(legs), strict=True)
    ]
    return jnp.stack(rows, axis=1)
