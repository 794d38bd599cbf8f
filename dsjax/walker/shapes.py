"""The walker's bodies and the constants of its physics.

Bodies and joints are gymnasium's (`gymnasium/envs/box2d/bipedal_walker.py`: sizes in pixels over SCALE = 30, densities
5 and 1); masses, centers and normals are what Box2D 2.3 computes of them, in float32.
"""

from typing import NamedTuple

import jax.numpy as jnp

from dsjax.walker.geometry import CENTERED, Lanes, Vec

SCALE = 30.0  # gymnasium's pixels per metre

# Bodies, in the order of every array over bodies. Legs are bodies 1 to 4; `leg` in this package counts them from 0.
HULL, UPPER_1, LOWER_1, UPPER_2, LOWER_2 = range(5)
BODIES, LEGS = 5, 4

TIME_STEP = 1 / 50  # [s]
GRAVITY = -10.0  # [m/s^2]
INVERSE_MASS = (0.184426218, 3.30882359, 4.13602924, 3.30882359, 4.13602924)  # [1/kg]
INVERSE_INERTIA = (0.500151277, 29.2912235, 37.3188019, 29.2912235, 37.3188019)  # [1/(kg m^2)]
FRICTION = 0.70710677  # between a leg (0.2) and the ground (2.5): sqrt(0.2 * 2.5)

# Box2D's tolerances (b2Settings.h).
SLOP = 0.005  # [m] by which shapes may overlap, and joints be apart
ANGULAR_SLOP = 2 / 180 * 3.14159265359  # [rad]
SKIN = 0.01  # [m] radius around every polygon and edge
MAX_TRANSLATION = 2.0  # [m] in a step
MAX_ROTATION = 0.5 * 3.14159265359  # [rad] in a step

LEG_DOWN = -8 / SCALE  # [m] from the hull's origin to the hips
LEG_WIDTH, LEG_HEIGHT = 8 / SCALE, 34 / SCALE  # [m]; a lower leg is 0.8 as wide

HALF_HEIGHT = LEG_HEIGHT / 2
HALF_WIDTH = (LEG_WIDTH / 2, 0.8 * LEG_WIDTH / 2)  # of upper and lower legs
HULL_CENTER = Vec(-0.02003643661737442, -0.005646639969199896)  # [m] of mass, in the hull's coordinates


class Polygon(NamedTuple):
    """A convex polygon in its body's coordinates, counter-clockwise; components may differ by lane."""

    vertices: tuple[Vec, ...]  # [m]
    normals: tuple[Vec, ...]  # of the side that begins at each vertex
    centroid: Vec  # [m] as Box2D computes it of the polygon
    center: Vec  # [m] of mass of the body


HULL_POLYGON = Polygon(
    (
        Vec(1.1333333253860474, -0.2666666805744171), Vec(1.1333333253860474, 0.03333333507180214), Vec(0.2, 0.3),
        Vec(-1.0, 0.3), Vec(-1.0, -0.2666666805744171),
    ),
    (Vec(1.0, 0.0), Vec(0.2747211456298828, 0.9615240097045898), Vec(0.0, 1.0), Vec(-1.0, 0.0), Vec(0.0, -1.0)),
    Vec(-0.020036447793245316, -0.005646630190312862),
    HULL_CENTER,
)  # fmt: skip


def leg_polygon(leg: Lanes) -> Polygon:
    """Return by lane the box of a leg, an upper one (0, 2) or a lower one (1, 3)."""
    half_width = by_leg(leg, *HALF_WIDTH)
    return Polygon(
        (
            Vec(-half_width, -HALF_HEIGHT), Vec(half_width, -HALF_HEIGHT),
            Vec(half_width, HALF_HEIGHT), Vec(-half_width, HALF_HEIGHT),
        ),
        (Vec(0.0, -1.0), Vec(1.0, 0.0), Vec(0.0, 1.0), Vec(-1.0, 0.0)),
        CENTERED,
        CENTERED,
    )  # fmt: skip


def by_leg(leg: Lanes, upper: float, lower: float) -> Lanes:
    """Return by lane a constant of upper legs (0, 2) or of lower ones (1, 3)."""
    return jnp.where(leg & 1 == 1, jnp.float32(lower), jnp.float32(upper))
