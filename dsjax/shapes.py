"""Shapes of arrays: in signatures, as `Float[Array, "members 24"]`, and in errors.

jaxtyping checks the signatures in the tests. The library does not need it: where it is not installed, a signature says
the same to its reader and nothing to Python.
"""

from typing import TYPE_CHECKING, Any

import jax.numpy as jnp

if TYPE_CHECKING:
    from jaxtyping import Array, ArrayLike, Bool, Float, Int, Key, Shaped, UInt32

    Scalar = Array | float
else:
    try:
        from jaxtyping import Array, ArrayLike, Bool, Float, Int, Key, Shaped, UInt32
    except ModuleNotFoundError:

        class _Anything:
            def __class_getitem__(cls, item):
                return Any

        Array = ArrayLike = Any
        Bool = Float = Int = Key = Shaped = UInt32 = _Anything

    Scalar = Shaped[ArrayLike, ""]

__all__ = ["Array", "ArrayLike", "Bool", "Float", "Int", "Key", "Scalar", "Shaped", "UInt32", "require_shape"]


def require_shape(name: str, value: object, shape: tuple[int, ...], meaning: str = "") -> None:
    """Raise ValueError unless an argument has the expected shape. Costs nothing once a function is compiled.

    Args:
      name: of the argument.
      value: the argument.
      shape: expected.
      meaning: of the axes, as "(members, 24)".
    """
    found = jnp.shape(value)  # type: ignore[arg-type]
    if found != shape:
        wanted = f"{meaning} = {shape}" if meaning else f"{shape}"
        raise ValueError(f"{name} has shape {found}; must be {wanted}")
