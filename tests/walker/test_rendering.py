"""A walker's picture is the one that gymnasium draws of its own walker in the same place."""

import numpy as np
import pytest
from gymnasium.envs.box2d.bipedal_walker import BipedalWalker

from dsjax.walker.rendering import Stage


@pytest.fixture(scope="module")
def walked():
    """Return gymnasium's walker, its bodies' position (5, 3) and its last observation, after some 60 steps."""
    env, rng = BipedalWalker(render_mode="rgb_array"), np.random.default_rng(0)
    env.reset(seed=5)
    for step in range(60):
        if step % 10 == 0:
            action = rng.uniform(-1, 1, 4)
        observation, _, terminated, *_ = env.step(action)
        assert not terminated
    bodies = [env.hull, *env.legs]
    position = np.array([[*body.worldCenter, body.angle] for body in bodies], np.float32)
    yield env, position, observation
    env.close()


@pytest.fixture(scope="module")
def stage(walked):
    env = walked[0]
    stage = Stage(np.array(env.terrain_y))  # in float32 a point of the ground may move by a pixel
    stage.cloud_poly = env.cloud_poly
    yield stage
    stage.close()


@pytest.mark.parametrize("ray", [0, 4, 9, 50])
def test_the_picture_is_gymnasiums(walked, stage, ray):
    """Each picture shows another ray of the lidar, and most show none."""
    env, position, observation = walked
    stage.lidar_render = env.lidar_render = ray - 1
    theirs, ours = env.render(), stage.picture(position, observation[14:])
    assert ours.shape == (400, 600, 3) and ours.dtype == np.uint8
    assert (ours != theirs).any(axis=2).mean() < 1e-4
    stage.lidar_render = ray - 1
    elsewhere = stage.picture(position + [0.1, 0, 0], observation[14:])
    assert (elsewhere != theirs).any(axis=2).mean() > 5e-3


def test_the_bodies_are_where_the_walkers_are(walked, stage):
    env, position, observation = walked
    stage.place(position, observation[14:])
    for ours, theirs in zip([stage.hull, *stage.legs], [env.hull, *env.legs], strict=True):
        np.testing.assert_allclose(ours.position, theirs.position, atol=1e-6)
        assert ours.angle == theirs.angle
    assert stage.scroll == pytest.approx(env.scroll, abs=1e-6)
    for ours, theirs in zip(stage.lidar, env.lidar, strict=True):
        np.testing.assert_allclose([*ours.p1, *ours.p2], [*theirs.p1, *theirs.p2], atol=1e-4)


def test_the_ground_is_the_one_given():
    heights = np.linspace(3, 4, 200, dtype=np.float32)
    stage = Stage(heights)
    assert stage.has(heights) and not stage.has(heights + 1)
    edges = [body.fixtures[0].shape.vertices for body in reversed(stage.terrain)]
    np.testing.assert_allclose([start[1] for start, _ in edges], heights[:-1])
    np.testing.assert_allclose([end[1] for _, end in edges], heights[1:])
    stage.close()


def test_stepped_a_stage_is_gymnasiums_walker_on_that_ground():
    """Level ground, and no action: it collapses on the spot, with Box2D's physics."""
    stage = Stage(np.full(200, 10 / 3, np.float32))
    for _ in range(300):
        *_, terminated, _, _ = stage.step(np.zeros(4))
        if terminated:
            break
    assert terminated and stage.game_over
    stage.close()
