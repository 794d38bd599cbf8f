"""What a walker observes, and what it is rewarded for: gymnasium's BipedalWalker-v3."""

import jax
import jax.numpy as jnp
import numpy as np

from dsjax.walker import terrain
from dsjax.walker.geometry import Lanes, Vec, dot, frame, tangent
from dsjax.walker.ground import kinds
from dsjax.walker.joints import JOINTS, MOTOR_TORQUE, Poses, Velocities
from dsjax.walker.pieces import Box, Edge
from dsjax.walker.shapes import HULL, HULL_CENTER, SCALE
from dsjax.walker.terrain import Terrain

_FPS = 50
_LIDAR_RANGE = 160 / SCALE  # [m]
_ANGLES = 1.5 * np.arange(10) / 10  # [rad] of the rays, from straight down to ahead
_LIDAR_EDGES, _LIDAR_BOXES = 14, 6  # pieces of ground that a ray can reach, from the first that may be ahead on
_VIEWPORT_WIDTH, _VIEWPORT_HEIGHT = 600 / SCALE, 400 / SCALE  # [m]
_GRASS = 10  # columns at the end
FALL_REWARD = -100.0


def observe(poses: Poses, velocities: Velocities, contact: jax.Array, ground: Terrain) -> jax.Array:
    """Return the observations, (24, N): the hull, both legs' joints and ground contact, and ten lidar fractions."""
    hull, moving = poses[HULL], velocities[HULL]
    values = [
        hull.angle,
        2.0 * moving.angular / _FPS,
        0.3 * moving.linear.x * _VIEWPORT_WIDTH / _FPS,
        0.3 * moving.linear.y * _VIEWPORT_HEIGHT / _FPS,
    ]
    for number, (hip, knee) in enumerate((JOINTS[:2], JOINTS[2:])):
        for joint, offset in ((hip, 0.0), (knee, 1.0)):
            values.append(poses[joint.b].angle - poses[joint.a].angle - joint.reference + offset)
            values.append((velocities[joint.b].angular - velocities[joint.a].angular) / joint.max_speed)
        values.append(contact[number].astype(hull.angle.dtype))
    return jnp.concatenate([jnp.stack(values), _lidar(frame(hull, HULL_CENTER).origin, ground)])


def reward(poses: Poses, action: jax.Array, hull_touched: Lanes, before: Lanes) -> tuple[Lanes, Lanes, Lanes]:
    """Return (reward, whether the episode ends, shaping) of walkers, each (N,).

    r = s - s_before - 0.00035 * 80 sum |a|, with the shaping s = 130 x / SCALE - 5 |angle| of the hull; -100 if the
    hull touches the ground or x < 0. The episode ends then, and when the grass at the end is reached.

    Args:
      poses: of all bodies.
      action: (4, N).
      hull_touched: (N,) bool.
      before: (N,) shaping of the step before.
    """
    x = frame(poses[HULL], HULL_CENTER).origin.x
    shaping = 130 * x / SCALE - 5.0 * jnp.abs(poses[HULL].angle)
    torque = jnp.minimum(jnp.abs(action), 1.0).sum(0)
    fell = hull_touched | (x < 0)
    value = jnp.where(fell, FALL_REWARD, shaping - before - 0.00035 * MOTOR_TORQUE * torque)
    arrived = x > (terrain.COLUMNS - _GRASS) * terrain.STEP
    return value, fell | arrived, shaping


def _lidar(origin: Vec, ground: Terrain) -> jax.Array:
    """Return how far each ray from the hull gets before it hits the ground, as a share of its range, (10, N)."""
    walkers = jnp.arange(len(ground.push))
    way = Vec(*_LIDAR_RANGE * np.array([np.sin(_ANGLES), -np.cos(_ANGLES)], np.float32)[..., None, None])
    nearest = jnp.ones((len(_ANGLES), len(walkers)))
    for kind, reach in zip(kinds(ground), (_LIDAR_EDGES, _LIDAR_BOXES), strict=False):
        number = kind.first(origin.x, walkers) + jnp.arange(reach)[:, None]
        piece = kind.piece(number, walkers)
        share = _hit_edge(piece, origin, way) if isinstance(piece, Edge) else _hit_box(piece, origin, way)
        nearest = jnp.minimum(nearest, jnp.where(kind.existing(number), share, 1.0).min(1))
    return nearest


def _hit_edge(edge: Edge, origin: Vec, way: Vec) -> Lanes:
    """Return the share of a way from an origin at which it crosses a line; 1 if it does not."""
    along, to = edge.end - edge.start, edge.start - origin
    normal, square = -tangent(along), dot(along, along)
    slope = dot(normal, way)
    share = dot(normal, to) / jnp.where(slope == 0, 1.0, slope)
    place = dot(share * way - to, along) / square
    hit = (slope != 0) & (share >= 0) & (share <= 1) & (place >= 0) & (place <= 1)
    return jnp.where(hit, share, 1.0)


def _hit_box(box: Box, origin: Vec, way: Vec) -> Lanes:
    """Return the share of a way, to the right and down, at which it enters a box; 1 if it does not."""
    steep = way.x == 0
    run = jnp.where(steep, 1.0, way.x)
    left, right = (box.lower.x - origin.x) / run, (box.upper.x - origin.x) / run
    aside = steep & ((left > 0) | (right < 0))
    top, bottom = (box.upper.y - origin.y) / way.y, (box.lower.y - origin.y) / way.y
    enters = jnp.maximum(top, jnp.where(steep, 0.0, left))
    leaves = jnp.minimum(bottom, jnp.where(steep, 1.0, right))
    return jnp.where(~aside & (enters > 0) & (enters <= leaves) & (enters <= 1), enters, 1.0)
