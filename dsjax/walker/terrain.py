"""The ground that a walker walks on: random terrain with the distribution of gymnasium's BipedalWalker-v3.

The ground is a line through 200 points, 14/30 m apart. The first 21 are level. From there on, with elevation e over
the level of the start and slope s (rise per column),

    s <- 0.8 s - 0.01 sign(e) + u,  u ~ U(-1/30, 1/30)        e <- e + s

in every column but a few level ones, in which e and s stay as they are. The first level column is the one that
follows the start pad; the next ones follow after 5 to 9 columns each, all equally likely.

Source: `_generate_terrain(hardcore=False)` and `reset` of gymnasium 1.4, envs/box2d/bipedal_walker.py. The level
columns are where the hardcore version would begin an obstacle: the plain one draws the distance and puts nothing
there. gymnasium computes heights in float64 and hands them to Box2D in float32; here all is float32. The random
numbers are JAX's, so a terrain is distributed like gymnasium's and is none of its own.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from dsjax.walker.geometry import where
from dsjax.walker.pieces import Box

__all__ = ["BOXES", "COLUMNS", "GRASS", "LEVEL", "PAD", "PUSH", "STEP", "Terrain", "generate", "positions"]

BOXES = 40  # of obstacles, at most
COLUMNS = 200  # points of the ground, gymnasium's TERRAIN_LENGTH
STEP = 14 / 30  # [m] from point to point, TERRAIN_STEP
PAD = 20  # TERRAIN_STARTPAD: random slopes begin after the column of this index
LEVEL = 400 / 30 / 4  # [m] height of the start, TERRAIN_HEIGHT
PUSH = 5.0  # [N] largest first push, INITIAL_RANDOM

_ROUGHNESS = 1 / 30  # [m] largest random change of the slope in a column
_PULL = 0.01  # [m] change of the slope in a column, towards the level of the start
_KEPT = 0.8  # share of the slope that the next column inherits
GRASS = (5, 10)  # columns from one level column to the next: from 5 to 9
_MOST_LEVEL = -(-(COLUMNS - PAD) // GRASS[0])  # level columns after the pad, at most


class Terrain(NamedTuple):
    """The ground and the first push of N walkers. To play a terrain of one's own, build this from its arrays."""

    heights: jax.Array  # (200, N) [m] y of the ground at x = 0, 14/30, ..., see `positions`
    push: jax.Array  # (N,) [N] horizontal force on the hull in the first step
    boxes: Box | None = None  # leaves (40, N): obstacles from left to right; those that there are not lie far away


def positions() -> np.ndarray:
    """Return the x of every point of the ground [m], (200,) float32."""
    return np.array([column * STEP for column in range(COLUMNS)], np.float32)


def nowhere(walkers: int) -> Terrain:
    """Return ground without meaning, to be replaced."""
    return Terrain(jnp.zeros((COLUMNS, walkers)), jnp.zeros(walkers))


def generate(keys: jax.Array) -> Terrain:
    """Draw the terrain and the first push of every walker.

    A walker's terrain is a function of its own key: it does not change with the other walkers or their number.

    Args:
      keys: (N,) typed PRNG keys, one for each walker.

    Returns:
      Terrain, heights (200, N) [m] and push (N,) [N], both float32.

    Raises:
      ValueError: `keys` is no vector of typed keys.
    """
    return _generate(checked(keys))


def checked(keys: jax.Array) -> jax.Array:
    """Return keys.

    Raises:
      ValueError: `keys` is no vector of typed keys.
    """
    if not (jnp.ndim(keys) == 1 and jax.dtypes.issubdtype(keys.dtype, jax.dtypes.prng_key)):
        raise ValueError(
            f"keys is {keys.dtype} of shape {jnp.shape(keys)}; must be typed keys (N,): jax.random.split(key, N)"
        )
    return keys


@jax.jit
def _generate(keys: jax.Array) -> Terrain:
    drawn, level, push = jax.vmap(_draw, out_axes=-1)(keys)
    pad = jnp.full((PAD, keys.shape[0]), LEVEL, jnp.float32)
    return Terrain(jnp.concatenate([pad, LEVEL + _elevations(drawn, level)]), push)


def _draw(key: jax.Array) -> tuple[jax.Array, jax.Array, jax.Array]:
    """Return one walker's random numbers: noise (180,) [m], which columns are level (180,), and the push () [N]."""
    noise_key, level_key, push_key = jax.random.split(key, 3)
    count = COLUMNS - PAD
    gaps = jax.random.randint(level_key, (_MOST_LEVEL,), *GRASS)
    columns = jnp.cumsum(gaps.at[0].set(0))  # counted from the end of the pad
    level = jnp.zeros(count, bool).at[columns].set(True, mode="drop")  # without those past the terrain's end
    return roughness(noise_key, count), level, jax.random.uniform(push_key, (), jnp.float32, -PUSH, PUSH)


def roughness(key: jax.Array, columns: int) -> jax.Array:
    """Return random changes of the slope, (columns,) [m]."""
    return jax.random.uniform(key, (columns,), jnp.float32, -_ROUGHNESS, _ROUGHNESS)


def risen(elevation: jax.Array, slope: jax.Array, noise: jax.Array) -> tuple[jax.Array, jax.Array]:
    """Return elevation and slope after a column that is not level."""
    slope = _KEPT * slope - _PULL * jnp.sign(elevation) + noise
    return elevation + slope, slope


def _elevations(noise: jax.Array, level: jax.Array) -> jax.Array:
    """Return the ground's height over the start's after the pad, (180, N) [m]. Both arguments are (180, N)."""

    def column(carry: tuple[jax.Array, jax.Array], drawn: tuple[jax.Array, jax.Array]) -> tuple:
        noise, level = drawn
        carry = where(level, carry, risen(*carry, noise))
        return carry, carry[0]

    start = jnp.zeros_like(noise[0])
    return jax.lax.scan(column, (start, start), (noise, level))[1]
