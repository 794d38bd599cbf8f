import numpy as np
import pytest

from dsjax.analysis.comparison import compare
from dsjax.analysis.curves import frozen_curve, training_curve
from dsjax.plotting import curves
from dsjax.plotting.style import group_color


@pytest.fixture(scope="module")
def comparison(small_runs):
    return compare([small_runs / name for name in "abc"])


def lines(axis, width):
    return [line for line in axis.lines if line.get_linewidth() == width]


@pytest.mark.parametrize("unit", ["step", "episode"])
def test_training_curves_draw_every_member_and_the_mean(comparison, unit):
    figure = curves.training_curves(comparison, unit)
    whole, *panels = figure.axes
    for number, (group, panel) in enumerate(zip(comparison.groups, panels, strict=True)):
        curve = training_curve(group, unit)
        assert f"{len(group.members)} member" in panel.get_title(loc="left")
        assert {line.get_color() for line in panel.lines[:-1]} == {group_color(number)}  # the last is at 300
        for values, line in zip(curve.values, lines(panel, 0.5), strict=True):
            np.testing.assert_array_equal(line.get_ydata(), values[np.isfinite(values)])
        solid, dotted = (line for line in whole.lines if line.get_color() == group_color(number))
        shown = np.isfinite(curve.iqm)
        np.testing.assert_array_equal(solid.get_ydata(), curve.iqm[shown & curve.whole])
        np.testing.assert_array_equal(dotted.get_ydata()[1:], curve.iqm[shown & ~curve.whole])
    assert panels[-1].get_xlabel() == {"step": "environment steps", "episode": "episodes"}[unit]


def test_frozen_curves_say_whose_returns_they_are(comparison):
    figure = curves.frozen_curves(comparison)
    assert figure.axes[0].get_ylabel() == "frozen return"
    assert "validation-v1" in figure.get_suptitle()
    curve, solid = (
        frozen_curve(comparison.groups[1]),
        next(line for line in figure.axes[0].lines if line.get_color() == group_color(1)),
    )
    # A dot for each evaluation, and nothing where there was none.
    np.testing.assert_array_equal(solid.get_xdata(), curve.at)
    np.testing.assert_array_equal(solid.get_ydata(), curve.iqm)
    assert solid.get_marker() == "." and len(curve.at) == 2
