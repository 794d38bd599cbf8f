"""Obstacles: their distribution, and single steps on them against Box2D."""

from collections import Counter
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from gymnasium.envs.box2d.bipedal_walker import BipedalWalker
from scipy import stats
from walker_recordings import assert_as_box2d

from dsjax import walker
from dsjax.walker.broad import Contacts
from dsjax.walker.functional import BipedalWalkerFuncEnv, gymnasium_terrain
from dsjax.walker.geometry import Pose, Vec, frame
from dsjax.walker.manifold import collide
from dsjax.walker.pieces import Box
from dsjax.walker.rendering import Stage
from dsjax.walker.shapes import HALF_HEIGHT, SKIN, leg_polygon
from dsjax.walker.terrain import BOXES, COLUMNS, LEVEL, STEP, Terrain
from dsjax.walker.walker import initial

RECORDING = Path(__file__).parents[1] / "golden" / "hardcore_trimmed.npz"  # made by record_hardcore.py
GROUNDS = 1000


@pytest.fixture(scope="module")
def ours():
    """Return many terrains of ours, as numpy arrays."""
    return jax.device_get(walker.generate_hardcore(jax.random.split(jax.random.key(0), GROUNDS)))


@pytest.fixture(scope="module")
def theirs():
    """Return gymnasium's."""
    return jax.device_get(gymnasium_terrain(range(300), hardcore=True))


def boxes_of(terrain):
    """Return (left, bottom, right, top) of all boxes that there are, (n, 4)."""
    corners = np.array(jax.tree.leaves(terrain.boxes))
    return corners[:, corners[0] < COLUMNS * STEP].T


def test_obstacles_are_those_of_gymnasium_as_often(ours, theirs):
    kinds = []
    for terrain in (ours, theirs):
        left, bottom, right, top = boxes_of(terrain).T
        sizes = np.round(np.array([right - left, top - bottom]) / STEP).astype(int)
        kinds.append(Counter(map(tuple, sizes.T.tolist())))
    mine, other = kinds
    assert mine.keys() == other.keys() == {(1, 1), (2, 2), (1, 4), (4, 1)}  # stumps, walls of pits, stairs
    table = [[kind[size] for size in mine] for kind in kinds]
    assert stats.chi2_contingency(table).pvalue > 0.001


def test_terrains_are_distributed_like_gymnasiums(ours, theirs):
    heights = [np.round(terrain.heights, 4) for terrain in (ours, theirs)]  # many are equal but for rounding
    for column in (25, 60, 120, 199):
        assert stats.ks_2samp(*(each[column] for each in heights)).pvalue > 0.001
        assert stats.ks_2samp(*(np.round(each[column] - each[column - 1], 4) for each in heights)).pvalue > 0.001
    counts = [(terrain.boxes.lower.x < COLUMNS * STEP).sum(0) for terrain in (ours, theirs)]
    assert stats.ks_2samp(*counts).pvalue > 0.001
    assert counts[0].max() < BOXES  # of 40 places some stay empty


def test_obstacles_stand_in_order_on_the_ground(ours):
    left, _, right, top = (np.asarray(leaf) for leaf in jax.tree.leaves(ours.boxes))
    assert (np.diff(left, axis=0) >= 0).all() and (np.diff(right, axis=0) >= 0).all()
    np.testing.assert_allclose(ours.heights[:21], LEVEL)
    np.testing.assert_allclose(left[0], 20 * STEP, rtol=1e-6)  # the first one, where the level start ends
    first = np.round((right[0] - left[0]) / STEP).astype(int)
    height = np.where(first <= 2, top[0] - LEVEL, 0.0)
    is_stump = np.isclose(height, first * STEP, atol=1e-5) & (first <= 2)
    is_level = np.isclose(top[0], LEVEL, atol=1e-5)  # a wall of a pit, or the first of stairs
    assert (is_stump | is_level).all()


def test_a_key_gives_one_terrain_whoever_else_is_drawn(ours):
    again = walker.generate_hardcore(jax.random.split(jax.random.key(0), GROUNDS)[7:9])
    for a, b in zip(jax.tree.leaves(ours), jax.tree.leaves(again), strict=True):
        np.testing.assert_array_equal(a[..., 7:9], b)


@pytest.mark.parametrize("seed", [0, 4])
def test_gymnasiums_terrain_is_that_of_its_reset(seed):
    terrain, env = gymnasium_terrain([seed], hardcore=True), BipedalWalker(hardcore=True)
    env.reset(seed=seed)
    np.testing.assert_array_equal(terrain.heights[:, 0], np.array(env.terrain_y, np.float32))
    shapes = [body.fixtures[0].shape for body in env.terrain]
    corners = [np.array(shape.vertices) for shape in shapes if len(shape.vertices) == 4]
    expected = sorted((*corner.min(0), *corner.max(0)) for corner in corners)
    np.testing.assert_array_equal(sorted(map(tuple, boxes_of(terrain))), np.array(expected, np.float32))
    env.close()


def test_a_leg_stands_on_a_box_and_leans_on_it():
    box = Box(Vec(jnp.zeros(3), jnp.zeros(3)), Vec(jnp.ones(3), jnp.ones(3)))
    y = 1 + HALF_HEIGHT + SKIN
    half_width = -float(leg_polygon(0).vertices[0].x)
    pose = Pose(Vec(jnp.array([0.5, -half_width - SKIN, 0.5]), jnp.array([y, 0.5, y + 0.1])), jnp.zeros(3))
    manifold = collide(box, frame(pose, Vec(0.0, 0.0)), leg_polygon(0))
    assert manifold.count.tolist() == [2, 2, 0]
    np.testing.assert_allclose([manifold.normal.x[0], manifold.normal.y[0]], [0, 1])
    np.testing.assert_allclose([manifold.normal.x[1], manifold.normal.y[1]], [-1, 0])


def test_the_picture_shows_the_obstacles():
    terrain, env = gymnasium_terrain([3], hardcore=True), BipedalWalker(hardcore=True, render_mode="rgb_array")
    observation, _ = env.reset(seed=3)
    own = jax.tree.map(lambda leaf: np.asarray(leaf)[..., 0], terrain)
    stage = Stage(np.array(env.terrain_y), boxes=own.boxes)
    stage.cloud_poly = env.cloud_poly
    bodies = [env.hull, *env.legs]
    for x in (0, 5, 30):  # the view follows the hull
        for body in bodies:
            body.position = body.position[0] + x, body.position[1] + 3
        env.scroll = env.hull.position[0] - 600 / 30 / 5
        position = np.array([[*body.worldCenter, body.angle] for body in bodies], np.float32)
        theirs, ours = env.render(), stage.picture(position, observation[14:])
        assert (np.abs(theirs.astype(int) - ours).max(-1) > 0).mean() < 0.005
    stage.close()
    env.close()


def test_the_functions_of_gymnasium_know_it():
    functions = BipedalWalkerFuncEnv(hardcore=True)
    assert (functions.spec.id, functions.spec.max_episode_steps) == ("BipedalWalkerHardcore-v3", 2000)


@pytest.fixture(scope="module")
def replayed():
    """Return the recording, and what its rows become, as numpy arrays with rows first."""
    recording = np.load(RECORDING)
    rows = recording["terrain"]
    left, bottom, right, top = jnp.asarray(recording["boxes"][:, :, rows])
    terrain = Terrain(
        jnp.asarray(recording["heights"][:, rows]), jnp.zeros(len(rows)), Box(Vec(left, bottom), Vec(right, top))
    )
    contacts = Contacts(*(jnp.asarray(recording[f"contacts_{name}"]) for name in Contacts._fields))
    names = [name for name in walker.State._fields if name not in ("terrain", "contacts")]
    fields = {name: jnp.asarray(recording[name]) for name in names}
    state = walker.State(terrain=terrain, contacts=contacts, **fields)
    state, observation, reward, terminated, truncated = walker.step(state, jnp.asarray(recording["action"]))
    made = {
        "position": np.moveaxis(np.asarray(state.position), -1, 0),
        "velocity": np.moveaxis(np.asarray(state.velocity), -1, 0),
        "observation": observation, "reward": reward, "terminated": terminated, "ground": np.asarray(state.ground).T,
    }  # fmt: skip
    return recording, made, state, truncated


@pytest.mark.slow
def test_golden_hardcore_steps_as_box2d(replayed):
    recording, made, *_ = replayed
    assert_as_box2d(made, recording, recording["after_ground"])
    assert (recording["contacts_count"][8:] > 0).any((0, 1)).mean() > 0.3  # many rows touch a box
    assert recording["terminated"].sum() >= 5


@pytest.mark.slow
def test_obstacles_give_more_time(replayed):
    _, _, state, truncated = replayed
    assert not truncated.any()
    late = state._replace(ticks=jnp.full_like(state.ticks, 1998))
    late, *_, truncated = walker.step(late, jnp.zeros((len(state.ticks), 4)))
    assert not truncated.any()
    assert walker.step(late, jnp.zeros((len(state.ticks), 4)))[4].all()
    assert initial(walker.generate_hardcore(jax.random.split(jax.random.key(0), 2))).contacts.piece.shape == (12, 4, 2)
