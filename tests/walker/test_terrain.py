"""Terrains: exact parts exactly, random parts distributed as in gymnasium."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from gymnasium.envs.box2d.bipedal_walker import TERRAIN_HEIGHT, TERRAIN_STARTPAD, TERRAIN_STEP, BipedalWalker
from scipy import stats

from dsjax.walker import terrain

COUNT = 4000
generate = jax.jit(terrain.generate)


@pytest.fixture(scope="module")
def ours():
    """Return (heights (4000, 200), pushes (4000,)) of this package."""
    heights, push, _ = generate(jax.random.split(jax.random.key(0), COUNT))
    return np.asarray(heights).T, np.asarray(push)


@pytest.fixture(scope="module")
def theirs():
    """Return the same of gymnasium, as float32. Without a world: bodies would take minutes, and draw nothing."""

    class Nothing:
        def CreateStaticBody(self, fixtures):  # noqa: N802, Box2D's name
            return Nothing()

    walker, found = BipedalWalker(), []
    walker.world = Nothing()
    for seed in range(COUNT):
        walker.np_random = np.random.default_rng(seed)
        walker._generate_terrain(hardcore=False)
        heights = np.array(walker.terrain_y, np.float32)
        walker._generate_clouds()
        found.append((heights, walker.np_random.uniform(-5, 5)))
    return np.stack([heights for heights, _ in found]), np.array([push for _, push in found])


def test_constants_are_gymnasiums():
    assert (terrain.STEP, terrain.LEVEL, terrain.PAD) == (TERRAIN_STEP, TERRAIN_HEIGHT, TERRAIN_STARTPAD)
    walker = BipedalWalker()
    walker.reset(seed=0)
    np.testing.assert_array_equal(terrain.positions(), np.array(walker.terrain_x, np.float32))


def test_the_pad_is_level(ours, theirs):
    for heights, _ in (ours, theirs):
        np.testing.assert_array_equal(heights[:, : terrain.PAD + 1], np.float32(TERRAIN_HEIGHT))
        assert (heights[:, terrain.PAD + 1] != heights[:, terrain.PAD]).mean() > 0.99


def test_shapes_and_types(ours):
    heights, push, _ = generate(jax.random.split(jax.random.key(0), 3))
    assert (heights.shape, push.shape) == ((200, 3), (3,))
    assert heights.dtype == push.dtype == jnp.float32
    with jax.enable_x64(True):
        wide = terrain.generate(jax.random.split(jax.random.key(0), 3))
        assert wide.heights.dtype == wide.push.dtype == jnp.float32


def test_a_terrain_follows_from_its_key_alone():
    keys = jax.random.split(jax.random.key(1), 5)
    five, again, last = generate(keys), generate(keys), generate(keys[4:])
    for a, b, c in zip(*map(jax.tree.leaves, (five, again, last)), strict=True):
        np.testing.assert_array_equal(a, b)
        np.testing.assert_array_equal(a[..., 4:], c)
    assert len(np.unique(five.heights[100])) == 5


@pytest.mark.parametrize("keys", [jax.random.key(0), jax.random.split(jax.random.key(0), (2, 2)), jnp.zeros(3)])
def test_other_keys_are_refused(keys):
    with pytest.raises(ValueError, match=r"keys is .* of shape .*; must be typed keys \(N,\)"):
        terrain.generate(keys)


def test_the_recurrence_is_the_one_of_the_docstring(ours):
    """Step by step: every slope is what the docstring says, up to noise within its bounds."""
    heights = ours[0].astype(float)
    elevation, slopes = heights - heights[0, 0], np.diff(heights)
    for walker in range(50):
        slope, last_level = 0.0, None
        for column in range(terrain.PAD, terrain.COLUMNS):
            if slopes[walker, column - 1] == 0:
                assert last_level is None or 5 <= column - last_level <= 9
                last_level = column
                continue
            expected = 0.8 * slope - 0.01 * np.sign(elevation[walker, column - 1])
            slope = slopes[walker, column - 1]
            assert abs(slope - expected) < 1 / 30 + 1e-6


def level_gaps(heights):
    """Return the columns between level ones, of all terrains, (M,)."""
    return np.concatenate([np.diff(np.flatnonzero(row == 0)) for row in np.diff(heights[:, terrain.PAD - 1 :])])


SUMMARIES = {
    **{f"height {column}": lambda h, column=column: h[:, column] for column in (21, 25, 30, 50, 100, 150, 199)},
    **{f"slope {column}": lambda h, column=column: h[:, column] - h[:, column - 1] for column in (22, 40, 120, 198)},
    "range": lambda h: np.ptp(h, axis=1),
    "mean": lambda h: h.mean(axis=1),
    "steepest": lambda h: np.abs(np.diff(h, axis=1)).max(axis=1),
    "slope's spread": lambda h: np.diff(h[:, 21:], axis=1).std(axis=1),
    **{
        f"slope's correlation over {lag}": lambda h, lag=lag: np.array(
            [np.corrcoef(row[:-lag], row[lag:])[0, 1] for row in np.diff(h[:, 21:], axis=1)]
        )
        for lag in (1, 5)
    },
    "crossings of the start's level": lambda h: np.diff(np.sign(h[:, 22:] - terrain.LEVEL), axis=1).astype(bool).sum(1),
    "level columns": lambda h: (np.diff(h[:, terrain.PAD - 1 :], axis=1) == 0).sum(1),
}


@pytest.mark.parametrize("summary", SUMMARIES.values(), ids=SUMMARIES)
def test_heights_are_distributed_as_gymnasiums(ours, theirs, summary):
    assert stats.ks_2samp(summary(ours[0]), summary(theirs[0])).pvalue > 0.01


def test_level_columns_are_as_far_apart(ours, theirs):
    counts = [np.bincount(level_gaps(heights), minlength=10) for heights, _ in (ours, theirs)]
    for count in counts:  # all but a few slopes that float32 rounds to 0
        assert count[5:10].sum() > 0.999 * count.sum()
    assert stats.chi2_contingency([count[5:10] for count in counts]).pvalue > 0.01


def test_the_push_is_uniform(ours, theirs):
    for _, push in (ours, theirs):
        assert stats.kstest(push, stats.uniform(-terrain.PUSH, 2 * terrain.PUSH).cdf).pvalue > 0.01
    assert abs(np.corrcoef(ours[1], ours[0][:, 199])[0, 1]) < 4 / np.sqrt(COUNT)


def test_the_comparison_would_notice():
    """Without the level columns, as a simpler reading of the source has it, some summaries differ."""
    noise = jax.random.uniform(jax.random.key(0), (180, COUNT), minval=-1 / 30, maxval=1 / 30)
    heights = np.asarray(terrain.LEVEL + terrain._elevations(noise, jnp.zeros((180, COUNT), bool)).T)
    ours = np.asarray(generate(jax.random.split(jax.random.key(0), COUNT)).heights).T
    assert stats.ks_2samp(np.ptp(heights, axis=1), np.ptp(ours, axis=1)).pvalue < 1e-3
