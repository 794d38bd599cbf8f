"""Terrain with obstacles: random ground with the distribution of gymnasium's BipedalWalkerHardcore-v3.

After the start an obstacle follows on every stretch of grass, which is 5 to 9 columns long, its first one level:

- a stump, a square of 1 or 2 columns on the ground;
- a pit, 3 or 4 columns wide and 4 columns' steps deep, between two walls;
- stairs, 3 or 4 steps up or down, each 4 columns wide and as high as a column is wide.

All are equally likely. They are boxes; the ground goes on below them, and along the stairs. Grass is as in `terrain`.

Source: `_generate_terrain(hardcore=True)` of gymnasium 1.4, envs/box2d/bipedal_walker.py.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp

from dsjax.walker import terrain
from dsjax.walker.geometry import Vec, broadcasting, where
from dsjax.walker.pieces import Box
from dsjax.walker.terrain import BOXES, COLUMNS, GRASS, LEVEL, PAD, PUSH, STEP, Terrain, checked, risen, roughness

_GRASS, _STUMP, _STAIRS, _PIT = range(4)
_DEPTH = 4  # columns' steps of a pit and its walls
_STAIR = 4  # columns of a stair
_MOST = 4  # boxes of an obstacle
AWAY = 1e6  # [m] where boxes lie that there are not


def nowhere(walkers: int) -> Terrain:
    """Return ground without meaning, to be replaced."""
    away = Vec(jnp.full((BOXES, walkers), AWAY), jnp.full((BOXES, walkers), AWAY))
    return terrain.nowhere(walkers)._replace(boxes=Box(away, away))


class _Draws(NamedTuple):
    """What is drawn for each column, to be used if something begins there; leaves (200,)."""

    noise: jax.Array  # [m]
    grass: jax.Array  # columns until the next obstacle
    obstacle: jax.Array  # which
    pit: jax.Array  # columns
    stump: jax.Array  # columns
    stairs: jax.Array  # number
    up: jax.Array  # bool: stairs go up


class _Walk(NamedTuple):
    """Where the generation is."""

    kind: jax.Array  # what the column belongs to
    begins: jax.Array  # bool: it is the first one of that
    left: jax.Array  # columns until the next kind
    elevation: jax.Array  # [m] over the level of the start
    slope: jax.Array  # [m] per column
    original: jax.Array  # [m] elevation where the obstacle began
    stairs: jax.Array  # number of the last stairs
    rise: jax.Array  # 1 or -1: whether they go up


def generate_hardcore(keys: jax.Array) -> Terrain:
    """Draw the terrain with obstacles, and the first push, of every walker.

    Args:
      keys: (N,) typed PRNG keys, one for each walker, whose terrain depends on its key alone.

    Returns:
      Terrain, heights (200, N) [m], push (N,) [N] and boxes with leaves (40, N) [m].

    Raises:
      ValueError: `keys` is no vector of typed keys.
    """
    return _generate(checked(keys))


@jax.jit
@broadcasting
def _generate(keys: jax.Array) -> Terrain:
    return jax.vmap(_draw, out_axes=-1)(keys)


def _draw(key: jax.Array) -> Terrain:
    """Return one walker's terrain."""
    draw_key, push_key = jax.random.split(key)
    keys = iter(jax.random.split(draw_key, len(_Draws._fields)))

    def integers(low: int, high: int) -> jax.Array:
        return jax.random.randint(next(keys), (COLUMNS,), low, high)

    draws = _Draws(
        roughness(next(keys), COLUMNS), integers(*GRASS), integers(_STUMP, _PIT + 1), integers(3, 5), integers(1, 3),
        integers(3, 5), integers(0, 2) == 1,
    )  # fmt: skip
    start = _Walk(
        jnp.int32(_GRASS), jnp.bool_(False), jnp.int32(PAD), jnp.float32(0), jnp.float32(0), jnp.float32(0),
        jnp.int32(0), jnp.int32(1),
    )  # fmt: skip
    _, (elevation, boxes, there) = jax.lax.scan(_column, start, (jnp.arange(COLUMNS), draws))
    return Terrain(LEVEL + elevation, jax.random.uniform(push_key, (), jnp.float32, -PUSH, PUSH), _listed(boxes, there))


def _column(walk: _Walk, drawn: tuple[jax.Array, _Draws]) -> tuple[_Walk, tuple[jax.Array, Box, jax.Array]]:
    """Return what follows after a column; its elevation, and the boxes that begin there, (4,), with which there are."""
    number, draws = drawn
    obstacle, first = walk.kind != _GRASS, walk.begins
    stump, stairs, pit = (walk.kind == kind for kind in (_STUMP, _STAIRS, _PIT))
    new = first & obstacle
    begun = walk._replace(
        original=jnp.where(new, walk.elevation, walk.original),
        stairs=jnp.where(new & stairs, draws.stairs, walk.stairs),
        rise=jnp.where(new & stairs, jnp.where(draws.up, 1, -1), walk.rise),
        left=jnp.where(
            new, jnp.where(stump, draws.stump, jnp.where(stairs, draws.stairs * _STAIR, draws.pit + 2)), walk.left
        ),
    )
    grown = risen(walk.elevation, walk.slope, jnp.where(number > PAD, draws.noise, 0.0))
    elevation, slope = where(obstacle | first, (walk.elevation, walk.slope), grown)
    down = jnp.where(begun.left > 1, _DEPTH * STEP, 0.0)
    climbed = (begun.stairs * _STAIR - begun.left - begun.rise) / _STAIR * begun.rise * STEP
    elevation = jnp.where(~first & pit, begun.original - down, elevation)
    elevation = jnp.where(~first & stairs, begun.original + climbed, elevation)

    left = begun.left - 1
    ends = left == 0
    after = begun._replace(
        kind=jnp.where(ends, jnp.where(obstacle, _GRASS, draws.obstacle), walk.kind),
        begins=ends,
        left=jnp.where(ends, draws.grass, left),
        elevation=elevation,
        slope=slope,
    )
    boxes, count = _boxes(walk.kind, number * STEP, walk.elevation + LEVEL, draws)
    return after, (elevation, boxes, new & (jnp.arange(_MOST) < count))


def _boxes(kind: jax.Array, x: jax.Array, y: jax.Array, draws: _Draws) -> tuple[Box, jax.Array]:
    """Return the boxes (4,) of an obstacle that begins at (x, y), and how many of them it has."""
    index = jnp.arange(_MOST)
    size = draws.stump * STEP
    stump = Box(Vec(x, y), Vec(x + size, y + size))
    rise = jnp.where(draws.up, 1, -1)
    left, top = x + index * _STAIR * STEP, y + index * rise * STEP
    stairs = Box(Vec(left, top - STEP), Vec(left + _STAIR * STEP, top))
    wall = x + index * draws.pit * STEP
    pit = Box(Vec(wall, y - _DEPTH * STEP), Vec(wall + STEP, y))
    stump, pit = jax.tree.map(lambda leaf: jnp.broadcast_to(leaf, index.shape), (stump, pit))
    boxes = where(kind == _STUMP, stump, where(kind == _STAIRS, stairs, pit))
    return boxes, jnp.where(kind == _STUMP, 1, jnp.where(kind == _STAIRS, draws.stairs, 2))


def _listed(boxes: Box, there: jax.Array) -> Box:
    """Return boxes, (200, 4), of which some are there, one after the other, (40,)."""
    flat = there.reshape(-1)
    place = jnp.where(flat, jnp.cumsum(flat) - 1, BOXES)
    return jax.tree.map(
        lambda leaf: jnp.full(BOXES, AWAY, jnp.float32).at[place].set(leaf.reshape(-1), mode="drop"), boxes
    )
