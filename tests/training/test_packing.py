import jax
import jax.numpy as jnp
import numpy as np
import pytest

from dsjax import population
from dsjax.presets import PRESETS, preset
from dsjax.training.packing import pack, unpack
from dsjax.training.rollout import packed_copy


@pytest.mark.parametrize("name", PRESETS)
def test_a_population_comes_back_as_it_was_from_few_arrays(name):
    spec, params = preset(name)
    params = population.share(params, 3)
    state = population.init(jax.random.key(1), jnp.arange(3), spec, params)
    for tree, most in ((state, 5), (params, 1)):
        packed = pack(tree)
        assert len(packed.arrays) <= most < len(jax.tree.leaves(tree))
        again = unpack(packed)
        assert jax.tree.structure(again) == jax.tree.structure(tree)
        jax.tree.map(np.testing.assert_array_equal, again, tree)


def test_equal_trees_have_one_layout():
    """JAX compares it at every call, and compiles anew where it differs."""
    first, second = (pack({"a": jnp.full((2, 3), x), "b": jnp.float32(x)}) for x in (0.0, 1.0))
    assert first.layout == second.layout
    assert pack({"a": jnp.zeros((2, 4)), "b": jnp.float32(0)}).layout != first.layout


def test_a_copy_can_be_consumed():
    """Steps write into the arrays of the packed copy: they must not be the population's own."""
    spec, params = preset("iros2018")
    state = population.init(jax.random.key(1), jnp.arange(2), spec, population.share(params, 2))
    own = {leaf.unsafe_buffer_pointer() for leaf in jax.tree.leaves(state)}
    assert own.isdisjoint(array.unsafe_buffer_pointer() for array in packed_copy(state).arrays)
