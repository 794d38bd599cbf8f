"""Where a polygon touches a piece of ground: Box2D's contact manifolds.

The methods are b2CollideEdgeAndPolygon's and b2CollidePolygons' (Box2D 2.3, E. Catto): take the axis of least
penetration, the normal of the edge or of a side of the box, or that of a side of the polygon; the shape that owns it is
the reference, and the other's nearest side, clipped to the reference's sides, gives up to two points. Each point has an
id that says which features met, by which the next step recognises it and goes on from its impulse.
"""

from typing import NamedTuple

import jax.numpy as jnp

from dsjax.walker.geometry import (
    Frame,
    Lanes,
    Vec,
    dot,
    first_greatest,
    least,
    most,
    pick,
    settle,
    tangent,
    unit,
    where,
)
from dsjax.walker.pieces import Box, Edge, Piece, lowest
from dsjax.walker.pieces import corners as corners_of
from dsjax.walker.shapes import SKIN, Polygon

TOTAL_RADIUS = 2 * SKIN  # [m] of both shapes: they touch below this distance
# The polygon's axis is taken only if it is clearly better, so that a contact does not jump between two.
_RELATIVE, _ABSOLUTE = 0.98, 0.001

_VERTEX, _SIDE = 0, 1  # types of a feature
_BOX_NORMALS = Vec(1.0, 0.0), Vec(0.0, 1.0), Vec(-1.0, 0.0), Vec(0.0, -1.0)  # of its sides, see `pieces.corners`


class Manifold(NamedTuple):
    """How a piece of ground and a polygon touch.

    The reference is the piece's, in world coordinates, or the polygon's, in the body's; points are the other's.
    """

    count: Lanes  # int: 0, 1 or 2 points
    on_body: Lanes  # bool: the polygon owns the reference
    normal: Vec  # of the reference, unit
    plane: Vec  # [m] a point of the reference
    points: tuple[Vec, Vec]  # [m]
    ids: tuple[Lanes, Lanes]  # int, see `feature_id`


def feature_id(index_a: Lanes, index_b: Lanes, type_a: Lanes, type_b: Lanes) -> Lanes:
    """Return the id of the meeting of a feature of the piece (a) and one of the polygon (b): vertex 0, side 1."""
    return index_a + 16 * index_b + 256 * type_a + 512 * type_b


def collide(piece: Piece, body: Frame, polygon: Polygon) -> Manifold:
    """Return how a piece of ground and a polygon touch, by lane."""
    corners = tuple(body @ vertex for vertex in polygon.vertices)
    normals = tuple(body.rotation @ normal for normal in polygon.normals)
    corners, normals = settle(corners, normals)
    if isinstance(piece, Edge):
        return _edge(piece, body, polygon, corners, normals)
    return _box(piece, body, polygon, corners, normals)


def _edge(edge: Edge, body: Frame, polygon: Polygon, corners: tuple[Vec, ...], normals: tuple[Vec, ...]) -> Manifold:
    normal, above = _facing(edge, body @ polygon.centroid)
    normal, above = settle(normal, above)
    ground_gap = least([dot(normal, corner - edge.start) for corner in corners])
    side_gap, side = _best_side(edge, corners, normals)
    ground_gap, side_gap, side = settle(ground_gap, side_gap, side)
    near = (ground_gap <= TOTAL_RADIUS) & (side_gap <= TOTAL_RADIUS)
    on_body = _prefers_body(ground_gap, side_gap)
    first = where(on_body, side, _most_opposed(normal, normals))
    second = _next(first, corners)
    first, second, on_body, near = settle(first, second, on_body, near)

    side_start, side_end = pick(first, corners), pick(second, corners)
    # What is clipped: the edge by the polygon's side, or the polygon's side by the edge.
    points = where(on_body, (edge.start, edge.end), (side_start, side_end))
    ids = (
        where(on_body, feature_id(0, first, _VERTEX, _SIDE), feature_id(0, first, _SIDE, _VERTEX)),
        where(on_body, feature_id(0, first, _VERTEX, _SIDE), feature_id(0, second, _SIDE, _VERTEX)),
    )
    begin, end = where(above, (edge.start, edge.end), (edge.end, edge.start))
    start, stop = where(on_body, (side_start, side_end), (begin, end))
    indices = where(on_body, (first, second), (jnp.where(above, 0, 1), jnp.where(above, 1, 0)))
    reference = Reference(where(on_body, pick(first, normals), normal), start, stop, *indices)
    points, ids, clipped = _between(points, ids, reference, 0.0)
    ids = where(on_body, tuple(map(_swapped, ids)), ids)

    normal = where(on_body, pick(first, polygon.normals), normal)
    plane = where(on_body, pick(first, polygon.vertices), begin)
    return _manifold(near & clipped, on_body, normal, plane, points, ids, reference, body)


def _box(box: Box, body: Frame, polygon: Polygon, corners: tuple[Vec, ...], normals: tuple[Vec, ...]) -> Manifold:
    xs, ys = [corner.x for corner in corners], [corner.y for corner in corners]
    gaps = least(xs) - box.upper.x, least(ys) - box.upper.y, box.lower.x - most(xs), box.lower.y - most(ys)
    ground_gap, own_side = first_greatest(gaps)
    side_gap, side = _best_side(box, corners, normals)
    ground_gap, own_side, side_gap, side = settle(ground_gap, own_side, side_gap, side)
    near = (ground_gap <= TOTAL_RADIUS) & (side_gap <= TOTAL_RADIUS)
    on_body = _prefers_body(ground_gap, side_gap)
    own_normal, side_normal = pick(own_side, _BOX_NORMALS), pick(side, normals)

    # The reference's side, and the side of the other that is most opposed to it, which is clipped.
    opposed = _most_opposed(side_normal, _BOX_NORMALS), _most_opposed(own_normal, normals)
    own_side, side = settle(where(on_body, opposed[0], own_side), where(on_body, side, opposed[1]))
    own, its = (own_side, _next(own_side, _BOX_NORMALS)), (side, _next(side, corners))  # of both, the side's corners
    (index, following), others = where(on_body, (its, own), (own, its))
    own_ends = tuple(pick(corner, corners_of(box)) for corner in own)
    its_ends = tuple(pick(corner, corners) for corner in its)
    points, (start, stop) = where(on_body, (own_ends, its_ends), (its_ends, own_ends))
    first_id, second_id = (feature_id(index, other, _SIDE, _VERTEX) for other in others)
    reference = Reference(where(on_body, side_normal, own_normal), start, stop, index, following)
    points, ids, clipped = _between(points, (first_id, second_id), reference, TOTAL_RADIUS)
    ids = where(on_body, tuple(map(_swapped, ids)), ids)

    middle = 0.5 * (start + stop)
    plane = where(on_body, body.local(middle), middle)
    normal = where(on_body, pick(side, polygon.normals), own_normal)
    return _manifold(near & clipped, on_body, normal, plane, points, ids, reference, body)


class Reference(NamedTuple):
    """The side to which the other shape's side is clipped, in world coordinates."""

    normal: Vec
    start: Vec  # [m]
    stop: Vec
    start_index: Lanes  # int, of the corners
    stop_index: Lanes


def _between(points: tuple, ids: tuple, reference: Reference, slack: float) -> tuple[tuple, tuple, Lanes]:
    """Return what of a segment lies before the reference's side, widened by a slack [m], and whether anything does."""
    points, ids, reference = settle(points, ids, reference)
    along = -tangent(reference.normal)
    points, ids, left = _clip(points, ids, -along, slack - dot(along, reference.start), reference.start_index)
    points, ids, right = _clip(points, ids, along, slack + dot(along, reference.stop), reference.stop_index)
    points, ids, left, right = settle(points, ids, left, right)
    return points, ids, left & right


def _manifold(
    there: Lanes, on_body: Lanes, normal: Vec, plane: Vec, points: tuple, ids: tuple, reference: Reference, body: Frame,
) -> Manifold:  # fmt: skip
    """Return the manifold of the points that are near enough to the reference; a single point is always the first."""
    within = [dot(reference.normal, point - reference.start) <= TOTAL_RADIUS for point in points]
    held = where(on_body, points, tuple(map(body.local, points)))
    count = within[0].astype(jnp.int32) + within[1].astype(jnp.int32)
    return Manifold(
        jnp.where(there, count, 0),
        on_body,
        normal,
        plane,
        (where(within[0], held[0], held[1]), held[1]),
        (where(within[0], ids[0], ids[1]), ids[1]),
    )


def _prefers_body(ground_gap: Lanes, side_gap: Lanes) -> Lanes:
    return side_gap > _RELATIVE * ground_gap + _ABSOLUTE


def _next(index: Lanes, of: tuple) -> Lanes:
    return jnp.where(index + 1 < len(of), index + 1, 0)


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


def _best_side(piece: Piece, corners: tuple[Vec, ...], normals: tuple[Vec, ...]) -> tuple[Lanes, Lanes]:
    """Return the greatest separation of a piece from a side of the polygon, and which side it is."""
    return first_greatest([dot(n, lowest(piece, n) - c) for c, n in zip(corners, normals, strict=True)])


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
    """Return an id with piece and polygon exchanged."""
    a, b, type_a, type_b = feature & 15, (feature >> 4) & 15, (feature >> 8) & 1, (feature >> 9) & 1
    return feature_id(b, a, type_b, type_a)
