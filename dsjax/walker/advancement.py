"""When a moving polygon first touches a piece of ground: Box2D's time of impact.

Conservative advancement (b2TimeOfImpact, Box2D 2.3, E. Catto; Mirtich 1996): from the features that are closest at
time t1 follows an axis that separates the shapes. Along it the deepest point is pushed back until it is at the target
distance, by a root finder on t that alternates bisection and secant; then the axis is determined anew. What counts as
an impact is decided by tolerances of 1.25 mm, so that the path of the iteration matters and is followed exactly. Only
the closest features are found otherwise, by trying all pairs instead of GJK: there are at most 10.
"""

import math
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from dsjax.walker.geometry import (
    Frame,
    Lanes,
    Pose,
    Vec,
    any_lane,
    dot,
    first_greatest,
    frame,
    least,
    most,
    pick,
    settle,
    tangent,
    unit,
    where,
)
from dsjax.walker.manifold import TOTAL_RADIUS
from dsjax.walker.pieces import Box, Edge, Piece, box_around, grown, lowest, overlap
from dsjax.walker.shapes import SLOP, Polygon

TARGET = TOTAL_RADIUS - 3 * SLOP  # [m] between the shapes without skin at an impact
TOLERANCE = 0.25 * SLOP  # [m]
_MAX_AXES, _MAX_PUSHES, _MAX_ROOTS = 20, 16, 50
_TURN = 2 * math.pi


class Axis(NamedTuple):
    """A line along which the shapes are apart: fixed in the world, or to a side of the polygon."""

    of_side: Lanes  # bool: fixed to a side of the polygon
    normal: Vec  # in the world: from the piece to the polygon
    offset: Lanes  # [m] of the piece's feature along the normal
    side_normal: Vec  # in the body
    side_point: Vec  # [m] in the body


class Sweep(NamedTuple):
    """A motion of a polygon during the rest of a step, t from 0 to 1."""

    start: Pose
    end: Pose

    def at(self, t: Lanes, polygon: Polygon) -> Frame:
        """Return the body's coordinate system at a time."""
        return settle(frame(between(self.start, self.end, t), polygon.center))


def between(start: Pose, end: Pose, t: Lanes) -> Pose:
    """Return the pose at a share t of the way."""
    return Pose((1 - t) * start.center + t * end.center, (1 - t) * start.angle + t * end.angle)


def may_touch(piece: Piece, polygon: Polygon, sweep: Sweep, at_start: Frame, at_end: Frame) -> Lanes:
    """Return whether a sweep may come near a piece; where not, `time_of_impact` need not look.

    Neither do the boxes of both ends, widened by what a corner can swing beyond them, reach the piece, nor does any
    corner come below the line of an edge.
    """
    turned = sweep.end.angle - sweep.start.angle
    swing = 0.2 * turned * turned  # [m] a corner 1.6 m from the center leaves the hull of both ends by 1.6 turned^2 / 8
    corners = [body @ vertex for body in (at_start, at_end) for vertex in polygon.vertices]
    reaches = overlap(grown(box_around(corners), swing + 0.01), box_around(piece))
    if isinstance(piece, Box):
        return reaches
    up = -tangent(unit(piece.end - piece.start))
    lowest_corner = least([dot(up, corner - piece.start) for corner in corners])
    return reaches & (lowest_corner - swing <= TARGET + 2 * TOLERANCE)


def time_of_impact(piece: Piece, polygon: Polygon, sweep: Sweep, active: Lanes) -> tuple[Lanes, Lanes]:
    """Return whether a sweep brings a polygon to a piece of ground, and when.

    Args:
      piece: by lane.
      polygon: by lane or shared.
      sweep: by lane.
      active: bool; lanes to compute.

    Returns:
      (bool: they come within the target distance; share of the sweep at which they do, in [0, 1]).
    """
    shape = jnp.shape(active)
    piece, sweep = jax.tree.map(lambda leaf: jnp.broadcast_to(leaf, shape), (piece, sweep))
    whole_turns = _TURN * jnp.floor(sweep.start.angle / _TURN)
    sweep = Sweep(
        Pose(sweep.start.center, sweep.start.angle - whole_turns), Pose(sweep.end.center, sweep.end.angle - whole_turns)
    )

    def advance(carry: Any) -> Any:
        number, t, done, hit = carry
        distance, axis = settle(_separating_axis(piece, polygon, sweep.at(t, polygon)))
        close = distance < TARGET + TOLERANCE
        hit, done = hit | (~done & close & (distance > 0)), done | close
        t, done, hit = _push_back(piece, polygon, sweep, axis, t, done, hit)
        return number + 1, t, done, hit

    start = 0, jnp.zeros(shape), ~active, jnp.zeros(shape, bool)
    _, t, _, hit = jax.lax.while_loop(lambda c: (c[0] < _MAX_AXES) & any_lane(~c[2]), advance, start)
    return hit, t


def _push_back(
    piece: Piece, polygon: Polygon, sweep: Sweep, axis: Axis, t: Lanes, done: Lanes, hit: Lanes
) -> tuple[Lanes, Lanes, Lanes]:
    """Advance t until the deepest point is at the target distance along an axis: (t, done, hit)."""

    def push(carry: Any) -> Any:
        number, t1, t2, stop, done, hit = carry
        late, point = settle(_deepest(piece, polygon, axis, sweep.at(t2, polygon)))
        go = ~stop & ~done
        apart = go & (late > TARGET + TOLERANCE)  # the shapes are apart up to the end
        reached = go & ~apart & (late > TARGET - TOLERANCE)  # so far the axis serves: find the next one
        t1 = jnp.where(reached, t2, t1)
        early = settle(_separation(axis, sweep.at(t1, polygon), point))
        go = go & ~apart & ~reached
        failed, touching = go & (early < TARGET - TOLERANCE), go & (early <= TARGET + TOLERANCE)
        hit = hit | (touching & ~failed)
        done, stop, go = done | apart | failed | touching, stop | reached, go & ~failed & ~touching
        t2 = _root(sweep, polygon, axis, point, t1, t2, early, late, go)
        return number + 1, t1, t2, stop, done, hit

    start = 0, t, jnp.ones_like(t), done, done, hit
    _, t, _, _, done, hit = jax.lax.while_loop(lambda c: (c[0] < _MAX_PUSHES) & any_lane(~c[3] & ~c[4]), push, start)
    return t, done, hit


def _root(
    sweep: Sweep, polygon: Polygon, axis: Axis, point: Vec, t1: Lanes, t2: Lanes, s1: Lanes, s2: Lanes, go: Lanes
) -> Lanes:
    """Return t2, or where `go` the time between t1 and t2 at which a point is at the target distance."""

    def iterate(carry: Any) -> Any:
        number, low, high, s_low, s_high, found, go = carry
        secant = low + (TARGET - s_low) * (high - low) / jnp.where(s_high == s_low, 1.0, s_high - s_low)
        t = settle(jnp.where((number & 1) == 1, secant, 0.5 * (low + high)))
        s = settle(_separation(axis, sweep.at(t, polygon), point))
        good = jnp.abs(s - TARGET) < TOLERANCE
        found, more = jnp.where(go & good, t, found), go & ~good
        above, below = more & (s > TARGET), more & (s <= TARGET)
        low, s_low = jnp.where(above, t, low), jnp.where(above, s, s_low)
        high, s_high = jnp.where(below, t, high), jnp.where(below, s, s_high)
        return number + 1, low, high, s_low, s_high, found, more

    start = 0, t1, t2, s1, s2, t2, go
    return jax.lax.while_loop(lambda c: (c[0] < _MAX_ROOTS) & any_lane(c[6]), iterate, start)[5]


def _deepest(piece: Piece, polygon: Polygon, axis: Axis, body: Frame) -> tuple[Lanes, Vec]:
    """Return the least separation along an axis, and the point that has it: of the polygon, in the body's
    coordinates, or of the piece, where a side of the polygon owns the axis."""
    normal, middle = body.rotation @ axis.side_normal, body @ axis.side_point
    of_piece = lowest(piece, normal)
    higher, corner = first_greatest([-dot(axis.normal, body @ vertex) for vertex in polygon.vertices])
    separation = jnp.where(axis.of_side, dot(normal, of_piece - middle), -higher - axis.offset)
    return separation, where(axis.of_side, of_piece, pick(corner, polygon.vertices))


def _separation(axis: Axis, body: Frame, point: Vec) -> Lanes:
    """Return how far apart [m] along an axis the shapes are at a point, as `_deepest` returns it."""
    normal, middle = body.rotation @ axis.side_normal, body @ axis.side_point
    return jnp.where(axis.of_side, dot(normal, point - middle), dot(axis.normal, body @ point) - axis.offset)


def _separating_axis(piece: Piece, polygon: Polygon, body: Frame) -> tuple[Lanes, Axis]:
    """Return the distance [m] of piece and polygon, 0 where they overlap, and the axis through the closest features."""
    corners = settle(tuple(body @ vertex for vertex in polygon.vertices))
    of_corners = _nearest_to_edge(piece, corners) if isinstance(piece, Edge) else _nearest_to_box(piece, corners)
    square, normal, offset = of_corners
    square, of_side, side_normal, side_point = _nearest_side(piece, polygon, corners, square)
    distance = jnp.where(_apart(piece, corners), jnp.sqrt(square), 0.0)
    return distance, Axis(of_side, normal, offset, side_normal, side_point)


def _apart(piece: Piece, corners: tuple[Vec, ...]) -> Lanes:
    """Return whether any side of either shape separates them."""
    if isinstance(piece, Edge):
        normal = -tangent(piece.end - piece.start)
        heights = [dot(normal, corner - piece.start) for corner in corners]
        gaps = [least(heights), -most(heights)]
    else:
        lower, upper = box_around(corners)
        gaps = [lower.x - piece.upper.x, piece.lower.x - upper.x, lower.y - piece.upper.y, piece.lower.y - upper.y]
    for corner, following in zip(corners, (*corners[1:], corners[0]), strict=True):
        out = tangent(following - corner)
        gaps.append(dot(out, lowest(piece, out) - corner))
    return most(gaps) > 0


def _nearest_to_edge(edge: Edge, corners: tuple[Vec, ...]) -> tuple[Lanes, Vec, Lanes]:
    """Return of the polygon's corner nearest to the edge: squared distance, axis, and the edge's offset along it."""
    direction = edge.end - edge.start
    square = dot(direction, direction)
    up = -tangent(unit(direction))
    found: Any = _FAR
    for corner in corners:
        to = corner - edge.start
        along = dot(to, direction) / square
        inside = (along > 0) & (along < 1)
        along = jnp.clip(along, 0.0, 1.0)
        gap = to - along * direction
        side = jnp.where(dot(to, up) < 0, -1.0, 1.0)
        # The edge's feature is its middle or one of its ends.
        feature = edge.start + jnp.where(inside, 0.5, jnp.where(along > 0, 1.0, 0.0)) * direction
        found = _nearer(found, gap, inside, side * up, feature)
    return found


def _nearest_to_box(box: Box, corners: tuple[Vec, ...]) -> tuple[Lanes, Vec, Lanes]:
    """Return the same of the polygon's corner nearest to a box."""
    found: Any = _FAR
    for corner in corners:
        nearest = Vec(jnp.clip(corner.x, box.lower.x, box.upper.x), jnp.clip(corner.y, box.lower.y, box.upper.y))
        gap = corner - nearest
        # Straight from a side of the box, whose feature is its middle, or from one of its corners.
        inside = (gap.x == 0) | (gap.y == 0)
        middle = 0.5 * (box.lower + box.upper)
        feature = Vec(jnp.where(gap.x == 0, middle.x, nearest.x), jnp.where(gap.y == 0, middle.y, nearest.y))
        found = _nearer(found, gap, inside, Vec(jnp.sign(gap.x), jnp.sign(gap.y)), feature)
    return found


_FAR = jnp.inf, Vec(0.0, 0.0), 0.0


def _nearer(found: Any, gap: Vec, inside: Lanes, normal: Vec, feature: Vec) -> tuple[Lanes, Vec, Lanes]:
    """Return the nearer of what was found, and of a corner that a gap [m] separates from a feature of a piece: inside
    one of its sides, of a normal, or at one of its corners."""
    best = found[0]
    distance = dot(gap, gap)
    length = jnp.sqrt(jnp.maximum(distance, 1e-30))
    axis = where(inside, normal, Vec(gap.x / length, gap.y / length))
    return settle(where(distance < best, (distance, axis, dot(axis, feature)), found))


def _nearest_side(
    piece: Piece, polygon: Polygon, corners: tuple[Vec, ...], best: Lanes
) -> tuple[Lanes, Lanes, Vec, Vec]:
    """Return the polygon's side that a corner of the piece is nearest to, if that is nearer than `best`: squared
    distance, whether there is one, its normal and its middle in the body's coordinates."""
    found, normal, middle = jnp.zeros_like(best, bool), Vec(0.0, 0.0), Vec(0.0, 0.0)
    for number, corner in enumerate(corners):
        following = (number + 1) % len(corners)
        here, there = polygon.vertices[number], polygon.vertices[following]
        own_normal = tangent(unit(there - here))
        own_middle = 0.5 * (here + there)
        direction = corners[following] - corner
        # Of a piece beyond this side, no other corner is nearer to it.
        to = lowest(piece, tangent(direction)) - corner
        share = dot(to, direction) / dot(direction, direction)
        gap = to - share * direction
        distance = dot(gap, gap)
        nearer = (share > 0) & (share < 1) & (distance < best)
        best, found = jnp.where(nearer, distance, best), found | nearer
        normal, middle = where(nearer, (own_normal, own_middle), (normal, middle))
        best, found, normal, middle = settle(best, found, normal, middle)
    return best, found, normal, middle
