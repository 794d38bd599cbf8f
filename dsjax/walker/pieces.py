"""Pieces of ground: lines between the columns of a terrain, and the boxes of its obstacles."""

from collections.abc import Sequence
from typing import NamedTuple, TypeAlias

import jax.numpy as jnp

from dsjax.walker.geometry import Lanes, Vec, dot, least, most, where


class Edge(NamedTuple):
    """A line, from left to right [m]."""

    start: Vec
    end: Vec


class Box(NamedTuple):
    """An axis-aligned box."""

    lower: Vec  # [m]
    upper: Vec  # [m]


Piece: TypeAlias = Edge | Box


def corners(box: Box) -> tuple[Vec, Vec, Vec, Vec]:
    """Return a box's corners as Box2D orders them: counter-clockwise from the lower right."""
    (left, bottom), (right, top) = ((corner.x, corner.y) for corner in box)
    return Vec(right, bottom), Vec(right, top), Vec(left, top), Vec(left, bottom)


def box_around(points: Sequence[Vec]) -> Box:
    """Return the box around points; the box around a piece is that of its two."""
    xs, ys = [point.x for point in points], [point.y for point in points]
    return Box(Vec(least(xs), least(ys)), Vec(most(xs), most(ys)))


def grown(box: Box, margin: Lanes) -> Box:
    """Return a box with a margin [m] around it."""
    by = Vec(margin, margin)
    return Box(box.lower - by, box.upper + by)


def overlap(a: Box, b: Box) -> Lanes:
    """Return whether boxes overlap or touch."""
    apart = (b.lower.x > a.upper.x) | (b.lower.y > a.upper.y) | (a.lower.x > b.upper.x) | (a.lower.y > b.upper.y)
    return ~apart


def lowest(piece: Piece, normal: Vec) -> Vec:
    """Return the point of a piece that is least far in a direction."""
    if isinstance(piece, Edge):
        return where(dot(normal, piece.end) < dot(normal, piece.start), piece.end, piece.start)
    return Vec(
        jnp.where(normal.x > 0, piece.lower.x, piece.upper.x), jnp.where(normal.y > 0, piece.lower.y, piece.upper.y)
    )
