"""What a walker observes, and what it is rewarded for: gymnasium's BipedalWalker-v3."""

import jax
import jax.numpy as jnp
import numpy as np

from dsjax.walker import terrain
from dsjax.walker.geometry import Lanes, Vec, dot, frame, tangent
from dsjax.walker.ground import column_of, edges, existing
from dsjax.walker.joints import JOINTS, MOTOR_TORQUE, Poses, Velocities
from dsjax.walker.shapes import HULL, HULL_CENTER, SCALE

_FPS = 50
_LIDAR_RANGE = 160 / SCALE  # [m]
_ANGLES = 1.5 * np.arange(10) / 10  # [rad] of the rays, from straight down to ahead
_LIDAR_EDGES = 14  # pieces of ground that a ray can reach, from the one behind the hull on
_VIEWPORT_WIDTH, _VIEWPORT_HEIGHT = 600 / SCALE, 400 / SCALE  # [m]
_GRASS = 10  # columns at the end
FALL_REWARD = -100.0


def observe(poses: Poses, velocities: Velocities, contact: jax.Array, heights: jax.Array) -> jax.Array:
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
    return jnp.concatenate([jnp.stack(values), _lidar(frame(hull, HULL_CENTER).origin, heights)])


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


def _lidar(origin: Vec, heights: jax.Array) -> jax.Array:
    """Return how far each ray from the hull gets before it hits the ground, as a share of its range, (10, N)."""
    first = column_of(origin.x) - 1
    number = first + jnp.arange(_LIDAR_EDGES)[:, None]
    piece = edges(heights, number, jnp.arange(heights.shape[-1]))
    along, to = piece.end - piece.start, piece.start - origin
    normal, square = -tangent(along), dot(along, along)
    way = Vec(*_LIDAR_RANGE * np.array([np.sin(_ANGLES), -np.cos(_ANGLES)], np.float32)[..., None, None])
    slope = dot(normal, way)
    share = dot(normal, to) / jnp.where(slope == 0, 1.0, slope)
    place = dot(share * way - to, along) / square
    hit = existing(number) & (slope != 0) & (share >= 0) & (share <= 1) & (place >= 0) & (place <= 1)
    return jnp.where(hit, share, 1.0).min(1)
