"""Recordings of Box2D's steps, as states of the walker in JAX."""

import os
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np

from dsjax.walker import State, Terrain
from dsjax.walker.broad import Contacts
from dsjax.walker.manifold import feature_id
from dsjax.walker.shapes import HULL_CENTER, LEGS
from dsjax.walker.walker import step_counting as step

GOLDEN = Path(os.environ.get("DSJAX_GOLDEN", Path(__file__).parents[2] / "shared" / "golden"))
TRIMMED = Path(__file__).parent / "golden" / "walker_trimmed.npz"
SLOTS = 8
BATCH = 512  # rows stepped at once: all tests of one process share one compiled program
_LIMITS = np.array([0, -1, 1])  # Box2D's states of a limit: inactive, at the lower, at the upper one


def state_of(recording, rows):
    """Return the State before the steps of some rows of a recording."""

    def last(name):
        return jnp.moveaxis(jnp.asarray(recording[name][rows], jnp.float32), 0, -1)

    bodies, joints = last("before_bodies"), last("before_joints")
    position, velocity = bodies[:, :3], bodies[:, 3:]
    hull = recording["before_bodies"][rows, 0].astype(np.float64)
    x = hull[:, 0] - np.cos(hull[:, 2]) * HULL_CENTER.x + np.sin(hull[:, 2]) * HULL_CENTER.y
    heights = recording["terrain_heights"][recording["terrain"][rows]]
    count = len(rows)
    return State(
        Terrain(jnp.asarray(heights.T, jnp.float32), jnp.zeros(count)),
        position, velocity, joints[:, :4],
        jnp.asarray(_LIMITS[recording["before_joints"][rows, :, 4].astype(int)].T, jnp.int32),
        last("before_fat_aabb")[1:],
        contacts_of(recording["before_contacts"][rows], recording["before_contact_ids"][rows]),
        jnp.asarray(recording["before_ground_contact"][rows].T),
        jnp.zeros(count, bool),
        jnp.asarray(130 / 30 * x - 5 * np.abs(hull[:, 2]), jnp.float32),
        jnp.zeros(count, jnp.int32),
    )  # fmt: skip


def contacts_of(contacts, ids):
    """Return recorded contacts, (R, 48, 9) and (R, 48, 2), in the slots of the legs."""
    row, number = np.nonzero(contacts[..., 0] > 0)
    body, edge, _, count, n1, t1, n2, t2, _ = contacts[row, number].T
    at = edge.astype(int) % SLOTS, body.astype(int) - 1, row
    shape = SLOTS, LEGS, len(contacts)
    made = Contacts(
        np.full(shape, -1, np.int32), np.zeros(shape, np.int32), np.zeros(shape, np.int32),
        np.zeros((2, *shape), np.int32), np.zeros((4, *shape), np.float32),
    )  # fmt: skip
    made.piece[at], made.count[at] = edge, count
    made.order[at] = 500 - number  # the newest comes first
    for point in range(2):
        key = ids[row, number, point].astype(np.int64)
        made.ids[point][at] = feature_id(*((key >> 8 * byte) & 255 for byte in range(4)))
    for kind, values in enumerate((n1, n2, t1, t2)):
        made.impulses[kind][at] = values
    return jax.tree.map(jnp.asarray, made)


def replay(recording):
    """Step every row of a recording once; return what the rows become, as numpy arrays with rows first."""
    rows, parts = np.arange(len(recording["step"])), []
    for first in range(0, len(rows), BATCH):
        batch = np.resize(rows[first : first + BATCH], BATCH)
        action = jnp.asarray(recording["action"][batch], jnp.float32)
        state, *seen = step(state_of(recording, batch), action)
        last = np.moveaxis(np.asarray(state.position), -1, 0), np.moveaxis(np.asarray(state.velocity), -1, 0)
        parts.append([*last, np.asarray(state.ground).T, *map(np.asarray, seen)])
    names = "position", "velocity", "ground", "observation", "reward", "terminated", "truncated", "impacts"
    return {
        name: np.concatenate(values)[: len(rows)] for name, values in zip(names, zip(*parts, strict=True), strict=True)
    }


def assert_as_box2d(made, recording, ground):
    """Check what steps made of recorded states, {name: (R, ...)}, `ground` being the recorded flags of contact."""
    goes_on = ~recording["terminated"]  # of the last step of an episode only its end and its reward matter

    def error(name, expected):
        axes = tuple(range(1, expected.ndim))
        return np.abs(made[name] - expected).max(axes)[goes_on]

    bodies = recording["after_bodies"]
    position, velocity = error("position", bodies[:, :, :3]), error("velocity", bodies[:, :, 3:])
    assert np.quantile(position, 0.99) < 3e-5 and np.quantile(position, 0.995) < 1e-4
    assert np.quantile(velocity, 0.99) < 1e-4 and np.quantile(velocity, 0.995) < 1e-2
    assert np.quantile(error("observation", recording["observation"]), 0.99) < 5e-5
    assert np.abs(made["reward"] - recording["reward"])[goes_on].max() < 1e-2
    assert np.quantile(np.abs(made["reward"] - recording["reward"]), 0.99) < 1e-4
    np.testing.assert_array_equal(made["terminated"], recording["terminated"])
    np.testing.assert_array_equal(made["ground"][goes_on], ground[goes_on])
