"""No text of a figure overlaps another or leaves the canvas, whatever the runs are: few, many, unequal, long names."""

from itertools import combinations

import pytest
from crafted import LONG, comparison, member, sweep
from matplotlib.axis import Tick
from matplotlib.text import Text

from dsjax.plotting.comparisons import comparison_figures
from dsjax.plotting.member import progress
from dsjax.plotting.style import WIDTHS
from dsjax.plotting.sweep import sweep_figures

CASES = {
    "one member": [("solve", [240_000])],
    "unequal lengths": [("short", [3_000] * 3), ("long", [2_400_000, 1_000_000, 2_400_000])],
    "many members": [("all of them", [240_000] * 48)],
    "long names": [(f"{LONG} {number}", [240_000] * 4) for number in range(3)],
    "40 groups": [(f"learning rate {number}e-05, floor -30", [240_000] * 2) for number in range(40)],
}


def check(figure, name):
    """Assert that no two texts of a figure overlap, and none leaves the canvas, by matplotlib's bounding boxes."""
    figure.draw_without_rendering()
    renderer, canvas, hidden = figure._get_renderer(), figure.bbox.padded(1), outside(figure)
    texts = [text for text in figure.findobj(Text) if text.get_visible() and text.get_text().strip()]
    boxes = [(text, text.get_window_extent(renderer)) for text in texts if text not in hidden]
    for text, box in boxes:
        assert text.get_fontsize() >= 7
        assert canvas.x0 <= box.x0 and box.x1 <= canvas.x1, f"{name}: {text.get_text()!r} leaves the canvas"
        assert canvas.y0 <= box.y0 and box.y1 <= canvas.y1, f"{name}: {text.get_text()!r} leaves the canvas"
    for (one, first), (other, second) in combinations(boxes, 2):
        wide = min(first.x1, second.x1) - max(first.x0, second.x0)
        high = min(first.y1, second.y1) - max(first.y0, second.y0)
        assert wide < 1 or high < 1, f"{name}: {one.get_text()!r} overlaps {other.get_text()!r}"


def outside(figure):
    """Return the labels of ticks that lie outside their axis's limits: these are not drawn."""
    hidden = set()
    for axes in figure.axes:
        for axis in (axes.xaxis, axes.yaxis):
            low, high = sorted(axis.get_view_interval())
            for tick in axis.findobj(Tick):
                if not low <= tick.get_loc() <= high:
                    hidden |= {tick.label1, tick.label2}
    return hidden


@pytest.mark.parametrize("columns", WIDTHS)
@pytest.mark.parametrize("case", CASES)
def test_nothing_overlaps_or_leaves_the_canvas(case, columns):
    made = comparison(CASES[case])
    names = []
    for name, figure in comparison_figures(made, WIDTHS[columns]):
        assert figure.get_figwidth() == WIDTHS[columns]
        check(figure, name)
        names.append(name)
    assert len(names) == 6 + (len(made.groups) > 1)


@pytest.mark.parametrize("columns", WIDTHS)
def test_one_members_progress_neither(columns):
    check(progress(member(3, 240_000, 50, True), width=WIDTHS[columns]), "progress")


SWEEPS = {
    "one point": {"grid": {"synapse.period": [20000.0]}},
    "a lone key": {"grid": {"learning.learning_rate": [1e-6, 1e-5, 1e-4]}},
    "a grid": {"grid": {"synapse.amplitude": [0.1, 0.2, 0.4], "learning.repulsive": [True, False]}},
    "long names": {
        "grid": {
            "learning.optimizer": ["sgd", "adam", "someone_elses_package.optimizers:lookahead"],
            "learning.baseline_time": [float(10**n) / 3 for n in range(4, 11)],
            "neuron.adaptation": ["none", "nonlinear"],
            "learning.learning_rate": [1.2345e-5, 8e-5],
        }
    },
    "at random": {
        "samples": 60,
        "random": {
            "learning.learning_rate": {"log_uniform": [1e-6, 1e-3]},
            "learning.baseline_time": {"uniform": [1e4, 1e7]},
            "synapse.amplitude": {"choice": [0.1, 0.2, 0.4]},
            "learning.optimizer": {"choice": ["sgd", "adam"]},
        },
    },
}


@pytest.mark.parametrize("columns", WIDTHS)
@pytest.mark.parametrize("case", SWEEPS)
def test_nothing_of_a_sweep_does_either(case, columns):
    for name, figure in sweep_figures(sweep(**SWEEPS[case]), WIDTHS[columns]):
        assert figure.get_figwidth() == WIDTHS[columns]
        check(figure, name)
