"""Record single steps of gymnasium's hardcore walker on and beside obstacles, with Box2D's whole state.

python tests/record_hardcore.py tests/golden/hardcore_trimmed.npz

Walkers are put above an obstacle each and act at random, every action for ten steps. Box2D does not tell the fat boxes
of legs; they are those of the walker in JAX, which is put back into Box2D's state before every step.
"""

import sys

import Box2D
import jax
import jax.numpy as jnp
import numpy as np
from gymnasium.envs.box2d.bipedal_walker import BipedalWalker

from dsjax.walker.broad import MARGIN, box_of, no_contacts
from dsjax.walker.functional import gymnasium_terrain
from dsjax.walker.geometry import CENTERED, Pose, Vec, frame
from dsjax.walker.manifold import feature_id
from dsjax.walker.physics import State
from dsjax.walker.pieces import grown
from dsjax.walker.shapes import LEGS, leg_polygon
from dsjax.walker.terrain import STEP
from dsjax.walker.walker import step

WALKERS, STEPS, KEPT = 64, 80, 400
SLOTS = 12


def put_above_an_obstacle(env, boxes, rng):
    box = boxes[rng.integers(len(boxes))]
    x = rng.uniform(box[0] - 0.5, box[2] + 0.5)
    near = boxes[(boxes[:, 0] < x + 2) & (boxes[:, 2] > x - 2)]
    columns = np.clip(np.arange(int((x - 2) / STEP), int((x + 2) / STEP) + 2), 0, 199)
    y = max(near[:, 3].max(), np.array(env.terrain_y)[columns].max()) + rng.uniform(2.3, 2.6)
    right, up = x - env.hull.position[0], y - env.hull.position[1]
    for body in (env.hull, *env.legs):
        body.position = float(body.position[0] + right), float(body.position[1] + up)


def state_of(env, terrain, fat):
    """Return the State of one env, whose fat boxes are given, (4, 4); leaves have no axis of walkers."""
    bodies = [env.hull, *env.legs]
    position = [[*b.worldCenter, b.angle] for b in bodies]
    velocity = [[*b.linearVelocity, b.angularVelocity] for b in bodies]
    joints = [[*j.GetReactionForce(1.0), j.GetReactionTorque(1.0), j.GetMotorTorque(1.0)] for j in env.joints]
    limits = [-np.sign(joint[2]) for joint in joints]  # with an impulse of 0 the state does not matter
    flags = [env.legs[1].ground_contact, env.legs[3].ground_contact]
    return State(
        terrain, *(np.array(each, np.float32) for each in (position, velocity, joints)), np.array(limits, np.int32),
        fat, contacts_of(env, terrain), np.array(flags), np.bool_(False), np.float32(env.prev_shaping), np.int32(0),
    )  # fmt: skip


def contacts_of(env, terrain):
    """Return the contacts of one env's legs, leaves (..., 12, 4)."""
    contacts = jax.tree.map(np.array, no_contacts(SLOTS, LEGS))
    for number, contact in enumerate(env.world.contacts):  # the oldest first
        own = [contact.fixtureB.body == leg for leg in env.legs]
        if not any(own):
            continue
        shape, manifold = contact.fixtureA.shape, contact.manifold
        left = min(vertex[0] for vertex in shape.vertices)
        if isinstance(shape, Box2D.b2EdgeShape):
            piece = round(left / STEP)
            at = piece % 8, own.index(True)
        else:
            piece = int(np.abs(terrain.boxes.lower.x - left).argmin())
            at = 8 + piece % 4, own.index(True)
        contacts.piece[at], contacts.order[at] = piece, 1 + number
        contacts.count[at] = manifold.pointCount if contact.touching else 0
        for n, point in enumerate(manifold.points[: manifold.pointCount]):
            key = int(point.id.key)  # four bytes: index A, index B, type A, type B
            contacts.ids[n][at] = feature_id(*((key >> 8 * byte) & 255 for byte in range(4)))
            contacts.impulses[n][at], contacts.impulses[2 + n][at] = point.normalImpulse, point.tangentImpulse
    return contacts


def new_fat_boxes(env):
    """Return the fat boxes of legs that were just put somewhere, (4, 4)."""
    x, y, angle = np.array([[*leg.worldCenter, leg.angle] for leg in env.legs], np.float32).T
    box = grown(box_of(frame(Pose(Vec(x, y), angle), CENTERED), leg_polygon(jnp.arange(LEGS))), MARGIN)
    return np.stack(jax.tree.leaves(box), axis=-1)


def record(rng):
    """Return rows, one for each step: (terrain, State, action, what Box2D made of it...)."""
    ground = gymnasium_terrain(range(WALKERS), hardcore=True)
    terrains = [jax.tree.map(lambda leaf, row=row: np.asarray(leaf)[..., row], ground) for row in range(WALKERS)]
    terrains = [terrain._replace(push=np.float32(0)) for terrain in terrains]
    envs = [BipedalWalker(hardcore=True) for _ in range(WALKERS)]
    for seed, (env, terrain) in enumerate(zip(envs, terrains, strict=True)):
        env.reset(seed=seed)
        boxes = np.array(jax.tree.leaves(terrain.boxes)).T
        put_above_an_obstacle(env, boxes[boxes[:, 0] < 90], rng)
    fat = [new_fat_boxes(env) for env in envs]
    going, rows = np.ones(WALKERS, bool), []
    for number in range(STEPS):
        if number % 10 == 0:
            actions = rng.uniform(-1, 1, (WALKERS, 4)).astype(np.float32)
        states = [state_of(*each) for each in zip(envs, terrains, fat, strict=True)]
        after, *_ = step(jax.tree.map(lambda *leaves: jnp.stack(leaves, axis=-1), *states), jnp.asarray(actions))
        fat = list(np.moveaxis(np.asarray(after.box), -1, 0))
        for walker in np.flatnonzero(going):
            env = envs[walker]
            observation, reward, terminated, *_ = env.step(actions[walker])
            bodies = [[*b.worldCenter, b.angle, *b.linearVelocity, b.angularVelocity] for b in (env.hull, *env.legs)]
            flags = [env.legs[1].ground_contact, env.legs[3].ground_contact]
            made = np.array(bodies, np.float32), observation, np.float32(reward), terminated, np.array(flags)
            if number > 0:  # the first reward counts the way to the obstacle
                rows.append((walker, states[walker], actions[walker], *made))
            going[walker] = not terminated
    return ground, rows


def main(file):
    rng = np.random.default_rng(0)
    ground, rows = record(rng)
    ends, on_boxes = (
        np.array(each) for each in zip(*((row[6], row[1].contacts.count[8:].any()) for row in rows), strict=True)
    )
    groups = ends, on_boxes & ~ends, ~(on_boxes | ends)
    chosen = np.concatenate([rng.permutation(np.flatnonzero(group))[: KEPT // 2] for group in groups])[:KEPT]
    walker, states, *made = zip(*(rows[i] for i in chosen), strict=True)
    state = jax.tree.map(lambda *leaves: np.stack(leaves, axis=-1), *states)
    contacts = {f"contacts_{name}": leaf for name, leaf in state.contacts._asdict().items()}
    fields = {name: leaf for name, leaf in state._asdict().items() if name not in ("terrain", "contacts")}
    names = "action", "after_bodies", "observation", "reward", "terminated", "after_ground"
    outcome = dict(zip(names, map(np.array, made), strict=True))
    heights, boxes = np.asarray(ground.heights), np.array(jax.tree.leaves(ground.boxes))
    np.savez_compressed(file, terrain=np.array(walker), heights=heights, boxes=boxes, **fields, **contacts, **outcome)
    print(f"{len(chosen)} of {len(rows)} steps, {on_boxes.sum()} with a box; {outcome['terminated'].sum()} falls")


if __name__ == "__main__":
    main(sys.argv[1])
