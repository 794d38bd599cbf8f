"""Where a polygon touches a piece of ground: Box2D's contact manifold of an edge and a polygon.

The method is b2CollideEdgeAndPolygon's (Box2D 2.3, E. Catto): take the axis of least penetration, the edge's normal
or the normal of a side of the polygon; the shape that owns it is the reference, and the other's nearest side, clipped
to the reference's sides, gives up to two points. Each point has an id that says which features met, by which the next
step recognises it and goes on from its impulse.
"""

from typing import NamedTuple

import jax.numpy as jnp

from dsjax.walker.geometry import Frame, Lanes, Vec, dot, first_greatest, least, pick, settle, tangent, unit, where
from dsjax.walker.shapes import SKIN, Polygon

TOTAL_RADIUS = 2 * SKIN  # [m] of both shapes: they touch below this distance
# The polygon's axis is taken only if it is clearly better, so that a contact does not jump between two.
_RELATIVE, _ABSOLUTE = 0.98, 0.001

_VERTEX, _SIDE = 0, 1  # types of a feature


class Edge(NamedTuple):
    """A piece of ground, from left to right [m]."""

    start: Vec
    end: Vec


class Manifold(NamedTuple):
    """How an edge and a polygon touch.

    The reference is the edge, in world coordinates, or a side of the polygon, in the body's; points are the other's.
    """

    count: Lanes  # int: 0, 1 or 2 points
    on_body: Lanes  # bool: the polygon owns the reference
    normal: Vec  # of the reference, unit
    plane: Vec  # [m] a point of the reference
    points: tuple[Vec, Vec]  # [m]
    ids: tuple[Lanes, Lanes]  # int, see `feature_id`


def feature_id(index_a: Lanes, index_b: Lanes, type_a: Lanes, type_b: Lanes) -> Lanes:
    """Return the id of the meeting of a feature of the edge (a) and one of the polygon (b): vertex 0, side 1."""
    return index_a + 16 * index_b + 256 * type_a + 512 * type_b


def collide(edge: Edge, body: Frame, polygon: Polygon) -> Manifold:
    """Return how an edge and a polygon touch, by lane."""
    corners = tuple(body @ vertex for vertex in polygon.vertices)
    normals = tuple(body.rotation @ normal for normal in polygon.normals)
    corners, normals = settle(corners, normals)
    normal, above = _facing(edge, body @ polygon.centroid)
    normal, above = settle(normal, above)

    ground_gap = least([dot(normal, corner - edge.start) for corner in corners])
    side_gap, side = _best_side(edge, corners, normals)
    ground_gap, side_gap, side = settle(ground_gap, side_gap, side)
    near = (ground_gap <= TOTAL_RADIUS) & (side_gap <= TOTAL_RADIUS)
    on_body = side_gap > _RELATIVE * ground_gap + _ABSOLUTE
    incident = _most_opposed(normal, normals)
    first = where(on_body, side, incident)
    second = jnp.where(first + 1 < len(corners), first + 1, 0)
    first, second, on_body, near = settle(first, second, on_body, near)

    side_start, side_end, side_normal = pick(first, corners), pick(second, corners), pick(first, normals)
    # What is clipped: the edge by the polygon's side, or the polygon's side by the edge.
    points = where(on_body, (edge.start, edge.end), (side_start, side_end))
    ids = (
        where(on_body, feature_id(0, first, _VERTEX, _SIDE), feature_id(0, first, _SIDE, _VERTEX)),
        where(on_body, feature_id(0, first, _VERTEX, _SIDE), feature_id(0, second, _SIDE, _VERTEX)),
    )
    begin, end = where(above, (edge.start, edge.end), (edge.end, edge.start))
    start, stop = where(on_body, (side_start, side_end), (begin, end))
    indices = where(on_body, (first, second), (jnp.where(above, 0, 1), jnp.where(above, 1, 0)))
    reference = where(on_body, side_normal, normal)
    points, ids, start, stop, indices, reference = settle(points, ids, start, stop, indices, reference)

    along = -tangent(reference)
    points, ids, left = _clip(points, ids, -along, -dot(along, start), indices[0])
    points, ids, right = _clip(points, ids, along, dot(along, stop), indices[1])
    points, ids, left, right = settle(points, ids, left, right)
    ids = where(on_body, tuple(map(_swapped, ids)), ids)

    within = [dot(reference, point - start) <= TOTAL_RADIUS for point in points]
    held = where(on_body, points, tuple(map(body.local, points)))
    count = within[0].astype(jnp.int32) + within[1].astype(jnp.int32)
    return Manifold(
        jnp.where(near & left & right, count, 0),
        on_body,
        where(on_body, pick(first, polygon.normals), normal),
        where(on_body, pick(first, polygon.vertices), begin),
        # A single point is always the first.
        (where(within[0], held[0], held[1]), held[1]),
        (where(within[0], ids[0], ids[1]), ids[1]),
    )


def carried(count: Lanes, ids: tuple, impulses: tuple, manifold: Manifold) -> tuple:
    """Return the impulses with which a manifold's points begin: those of the old points of the same ids, or 0.

    Args:
      count: int, points of the old manifold.
      ids: two ints, its ids.
      impulses: (normal 1, normal 2, tangent 1, tangent 2) [N s], its impulses.
      manifold: the new one.

    Returns:
      (normal 1, normal 2, tangent 1, tangent 2) [N s].
    """

    def of_point(number: int, first: Lanes, second: Lanes) -> Lanes:
        new, here = manifold.ids[number], manifold.count > number
        is_first, is_second = (count > 0) & (ids[0] == new), (count > 1) & (ids[1] == new)
        return jnp.where(here & is_first, first, jnp.where(here & is_second, second, 0.0))

    normal, along = impulses[:2], impulses[2:]
    return of_point(0, *normal), of_point(1, *normal), of_point(0, *along), of_point(1, *along)


def _facing(edge: Edge, centroid: Vec) -> tuple[Vec, Lanes]:
    """Return the edge's unit normal on a polygon's side, and whether it points as the direction turned clockwise."""
    normal = tangent(unit(edge.end - edge.start))
    front = dot(normal, centroid - edge.start) >= 0
    return where(front, normal, -normal), front


def _best_side(edge: Edge, corners: tuple[Vec, ...], normals: tuple[Vec, ...]) -> tuple[Lanes, Lanes]:
    """Return the greatest separation of the edge from a side of the polygon, and which side it is."""
    sides = zip(corners, normals, strict=True)
    return first_greatest([least([dot(-n, c - edge.start), dot(-n, c - edge.end)]) for c, n in sides])


def _most_opposed(normal: Vec, normals: tuple[Vec, ...]) -> Lanes:
    """Return the number of the side whose normal is most opposed to a normal."""
    return first_greatest([-dot(normal, other) for other in normals])[1]


def _clip(points: tuple, ids: tuple, normal: Vec, offset: Lanes, index: Lanes) -> tuple[tuple, tuple, Lanes]:
    """Cut a segment at the line normal . x = offset and keep what is below: points, ids, and whether two are left.

    As b2ClipSegmentToLine orders them: points within come first, the intersection last. Its id is that of the
    reference's corner `index` on the clipped side.
    """
    points, ids = settle(points, ids)
    over = [dot(normal, point) - offset for point in points]
    both = (over[0] <= 0) & (over[1] <= 0)
    crosses = over[0] * over[1] < 0
    share = over[0] / jnp.where(crosses, over[0] - over[1], 1.0)
    cut = points[0] + share * (points[1] - points[0])
    cut_id = feature_id(index, (ids[0] >> 4) & 15, _VERTEX, _SIDE)
    first = over[0] <= 0
    kept = where(first, points[0], points[1]), where(both, points[1], cut)
    names = where(first, ids[0], ids[1]), where(both, ids[1], cut_id)
    return kept, names, both | crosses


def _swapped(feature: Lanes) -> Lanes:
    """Return an id with edge and polygon exchanged."""
    a, b, type_a, type_b = feature & 15, (feature >> 4) & 15, (feature >> 8) & 1, (feature >> 9) & 1
    return feature_id(b, a, type_b, type_a)
