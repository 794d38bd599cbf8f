import jax
import jax.numpy as jnp
import numpy as np
import pytest

from dsjax.lyapunov import largest_exponent

KEY = jax.random.key(0)


def logistic(x):
    return 4 * x * (1 - x)


def henon(point):
    return {"x": 1 - 1.4 * point["x"] ** 2 + point["y"], "y": 0.3 * point["x"]}


def rotation(point):
    x, y = point
    cos, sin = jnp.cos(0.1), jnp.sin(0.1)
    return cos * x - sin * y, sin * x + cos * y


@pytest.mark.parametrize(
    ("step", "state", "scale", "expected"),
    [
        (logistic, 0.3, 1.0, np.log(2)),
        (henon, {"x": 0.1, "y": 0.1}, {"x": 1.0, "y": 0.3}, 0.4192),
        (rotation, (1.0, 0.0), (1.0, 1.0), 0.0),
        (lambda x: 0.9 * x, jnp.ones(3), 1.0, np.log(0.9)),
    ],
    ids=["logistic", "henon", "rotation", "decay"],
)
def test_exponents_of_known_maps(float64, step, state, scale, expected):
    state = jax.tree.map(jnp.asarray, state)
    found = largest_exponent(step, state, scale, KEY, 2_000, 5, 1.0)
    assert float(found.value) == pytest.approx(expected, abs=4 * float(found.error) + 1e-5)
    assert float(found.error) < 0.01


def test_the_exponent_is_per_unit_of_time(float64):
    one, ten = (largest_exponent(logistic, jnp.asarray(0.3), 1.0, KEY, 100, 5, dt) for dt in (1.0, 10.0))
    assert float(one.value) == pytest.approx(10 * float(ten.value))


def test_too_few_blocks_are_refused():
    with pytest.raises(ValueError, match="blocks = 9"):
        largest_exponent(logistic, jnp.asarray(0.3), 1.0, KEY, 9, 5, 1.0)
