"""Plane geometry on lanes: vectors, rotations and poses whose components are arrays of any one shape.

A lane is whatever a caller computes side by side: a walker, one of its legs, or one pair of a leg and a piece of
ground. All functions are elementwise, so a lane's result depends on that lane alone.
"""

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from functools import reduce, wraps
from typing import Any, ParamSpec, TypeAlias, TypeVar

import jax
import jax.numpy as jnp

# An array of lanes, or a constant that all lanes share.
Lanes: TypeAlias = Any
Tree = TypeVar("Tree")
P = ParamSpec("P")
R = TypeVar("R")

_fusing: ContextVar[bool] = ContextVar("fusing", default=False)


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class Vec:
    """A vector in the plane [m], or whatever else has two components."""

    x: Lanes
    y: Lanes

    __array_ufunc__ = None  # so that NumPy leaves a product with a vector to __rmul__

    def __add__(self, other: "Vec") -> "Vec":
        return Vec(self.x + other.x, self.y + other.y)

    def __sub__(self, other: "Vec") -> "Vec":
        return Vec(self.x - other.x, self.y - other.y)

    def __neg__(self) -> "Vec":
        return Vec(-self.x, -self.y)

    def __rmul__(self, factor: Lanes) -> "Vec":
        return Vec(factor * self.x, factor * self.y)


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class Rotation:
    """A rotation by an angle, as its sine and cosine."""

    sin: Lanes
    cos: Lanes

    def __matmul__(self, v: Vec) -> Vec:
        """Rotate a vector."""
        return Vec(self.cos * v.x - self.sin * v.y, self.sin * v.x + self.cos * v.y)

    def back(self, v: Vec) -> Vec:
        """Rotate a vector by the opposite angle."""
        return Vec(self.cos * v.x + self.sin * v.y, self.cos * v.y - self.sin * v.x)


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class Pose:
    """Where a body is: its center of mass [m] and its angle [rad]."""

    center: Vec
    angle: Lanes


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class Velocity:
    """How a body moves: its center of mass [m/s] and its angle [rad/s]."""

    linear: Vec
    angular: Lanes


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class Frame:
    """A body's coordinate system: its origin [m] and its rotation."""

    origin: Vec
    rotation: Rotation

    def __matmul__(self, local: Vec) -> Vec:
        """Return the world coordinates of a point of the body."""
        return (self.rotation @ local) + self.origin

    def local(self, world: Vec) -> Vec:
        """Return the body's coordinates of a point of the world."""
        return self.rotation.back(world - self.origin)


CENTERED = Vec(0.0, 0.0)  # the center of mass of a body whose origin it is


def dot(a: Vec, b: Vec) -> Lanes:
    """Return a . b."""
    return a.x * b.x + a.y * b.y


def cross(a: Vec, b: Vec) -> Lanes:
    """Return the z component of a x b."""
    return a.x * b.y - a.y * b.x


def turn(rate: Lanes, arm: Vec) -> Vec:
    """Return the velocity of the end of an arm that turns at a rate: rate x arm."""
    return Vec(-rate * arm.y, rate * arm.x)


def unit(v: Vec) -> Vec:
    """Return a vector of length 1 in the direction of another."""
    return (1 / jnp.sqrt(dot(v, v))) * v


def tangent(normal: Vec) -> Vec:
    """Return a normal turned clockwise by a right angle."""
    return Vec(normal.y, -normal.x)


def sincos(angle: Lanes) -> Rotation:
    """Return sine and cosine of an angle [rad], to 1e-7.

    Polynomials of the remainder to the nearest quarter turn (the coefficients are those of Cephes, S. L. Moshier):
    XLA's CPU backend would call the C library once per lane for jnp.sin.
    """
    turns = jnp.floor(angle * (2 / math.pi) + 0.5)
    rest = angle - turns * 1.5707855225  # pi / 2 in three parts, so that the products are exact
    rest = rest - turns * 1.0804334124e-5
    rest = rest - turns * 6.0770999344e-11
    z = rest * rest
    sin = rest + rest * z * (-1.6666654611e-1 + z * (8.3321608736e-3 + z * -1.9515295891e-4))
    cos = 1 - 0.5 * z + z * z * (4.166664568298827e-2 + z * (-1.388731625493765e-3 + z * 2.443315711809948e-5))
    quarter = turns.astype(jnp.int32) & 3
    odd = (quarter & 1) == 1
    s, c = jnp.where(odd, cos, sin), jnp.where(odd, sin, cos)
    return Rotation(jnp.where((quarter & 2) != 0, -s, s), jnp.where((quarter == 1) | (quarter == 2), -c, c))


def frame(pose: Pose, local_center: Vec) -> Frame:
    """Return a body's coordinate system from its pose and its center of mass in its own coordinates."""
    rotation = sincos(pose.angle)
    if local_center is CENTERED:
        return Frame(pose.center, rotation)
    return Frame(pose.center - (rotation @ local_center), rotation)


def where(condition: Lanes, yes: Tree, no: Tree) -> Tree:
    """Select each leaf of two trees by lane."""
    return jax.tree.map(lambda a, b: jnp.where(condition, a, b), yes, no)


def pick(index: Lanes, choices: Any) -> Any:
    """Return by lane the tree of `choices` that the index says; 0 for every index that is out of range."""
    chosen = choices[0]
    for number, choice in enumerate(choices[1:], start=1):
        chosen = where(index == number, choice, chosen)
    return chosen


def first_greatest(values: Any) -> tuple[Lanes, Lanes]:
    """Return by lane the greatest of several arrays, and the number of the first that is as great, int."""
    best, number = values[0], jnp.zeros_like(values[0], jnp.int32)
    for other, value in enumerate(values[1:], start=1):
        greater = value > best
        best, number = jnp.where(greater, value, best), jnp.where(greater, other, number)
    return best, number


def least(values: Any) -> Lanes:
    """Return the least of several arrays, by lane."""
    return reduce(jnp.minimum, values)


def most(values: Any) -> Lanes:
    """Return the greatest of several arrays, by lane."""
    return reduce(jnp.maximum, values)


def broadcasting(function: Callable[P, R]) -> Callable[P, R]:
    """Decorator: let arrays of lanes meet arrays with more axes, as (n,) and (8, n), whatever JAX is set to allow."""

    @wraps(function)
    def allowed(*args: P.args, **kwargs: P.kwargs) -> R:
        with jax.numpy_rank_promotion("allow"), jax.numpy_dtype_promotion("standard"):
            return function(*args, **kwargs)

    return allowed


def any_lane(condition: Lanes) -> Lanes:
    """Return whether a condition holds in any lane, by an operation that Triton has too."""
    return jnp.max(condition.astype(jnp.float32)) > 0


def settle(*trees: Any) -> Any:
    """Return trees whose values XLA's simplifier does not mix with what follows.

    It makes the solver's loop a sixth faster on a CPU. Inside a kernel of `kernel.py` it is neither needed nor allowed.
    """
    if not is_kernel():
        trees = jax.lax.optimization_barrier(trees)
    return trees if len(trees) > 1 else trees[0]


def is_kernel() -> bool:
    """Return whether a kernel is being traced."""
    return _fusing.get()


@contextmanager
def fusing() -> Iterator[None]:
    """Make `settle` do nothing while a kernel is traced, which is one program whatever it holds."""
    token = _fusing.set(True)
    try:
        yield
    finally:
        _fusing.reset(token)
