"""No text of a figure overlaps another or leaves the canvas, whatever the runs are: few, many, unequal, long names."""

from itertools import combinations
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pyarrow as pa
import pytest
from matplotlib.axis import Tick
from matplotlib.text import Text

from dsjax.analysis.comparison import Comparison, Group
from dsjax.analysis.members import Member
from dsjax.config import loading
from dsjax.plotting.comparisons import comparison_figures
from dsjax.plotting.member import progress
from dsjax.plotting.style import WIDTHS

LONG = "iros2018, period cv 0.2, learning rate 8e-05, fade reward 0.12, baseline time 330000, averaging time 1.65e+06"


def member(index, steps, level, solved):
    """Return a member that has trained for so many steps, at this level of returns."""
    rng = np.random.default_rng(index)
    count, at = 60, np.linspace(1, steps, 60).astype(int)
    outcome = np.where(rng.uniform(size=count) < 0.2, "fell", "timeout")
    episodes = {
        "step": at,
        "length": np.full(count, 900),
        "return": level + rng.normal(0, 20, count),
        "outcome": outcome,
    }
    seen = np.linspace(0, steps, 4).astype(int)
    evaluations = {"step": seen, "tick": seen, "return": level + rng.normal(0, 5, 4)}
    solved_at = steps // 2 if solved else -1
    rounds = {"step": seen, "episodes": np.full(4, count), "running": np.full(4, True)}
    rounds |= {name: rng.uniform(size=4) for name in ("amplitude", "sensitivity", "drift")}
    rounds |= {
        f"{rule}_solved_{unit}": np.full(4, solved_at)
        for rule in ("training", "frozen")
        for unit in ("step", "episode")
    }
    final = {"return": level + rng.normal(0, 9, 10), "outcome": outcome[:10]}
    config = loading.build({"members": 64, "seed": 1234})
    run = SimpleNamespace(
        folder=Path("runs/a"), name=f"a-run-{LONG}", config=config, members=pa.table({"step": [steps]})
    )
    return Member(run, index, episodes, evaluations, rounds, final, True, {"step": 0, "episode": 0})


def comparison(groups):
    """Return a comparison of (label, [steps of a member])."""
    made = []
    for number, (label, steps) in enumerate(groups):
        members = [member(k, length, -100 + 12 * number + 400 * (k == 0), k == 0) for k, length in enumerate(steps)]
        made.append(Group(label, members))
    return Comparison(made, "validation-v1", [], [])


CASES = {
    "one member": [("solve", [240_000])],
    "unequal lengths": [("short", [3_000] * 3), ("long", [2_400_000, 1_000_000, 2_400_000])],
    "many members": [("all of them", [240_000] * 48)],
    "long names": [(f"{LONG} {number}", [240_000] * 4) for number in range(3)],
    "40 groups": [(f"learning rate {number}e-05, floor -30", [240_000] * 2) for number in range(40)],
}


def check(figure):
    """Assert that no two texts of a figure overlap, and none leaves the canvas, by matplotlib's bounding boxes."""
    figure.draw_without_rendering()
    renderer, canvas, hidden = figure._get_renderer(), figure.bbox.padded(1), outside(figure)
    texts = [text for text in figure.findobj(Text) if text.get_visible() and text.get_text().strip()]
    boxes = [(text, text.get_window_extent(renderer)) for text in texts if text not in hidden]
    for text, box in boxes:
        assert text.get_fontsize() >= 7
        assert canvas.x0 <= box.x0 and box.x1 <= canvas.x1, f"{text.get_text()!r} leaves the canvas"
        assert canvas.y0 <= box.y0 and box.y1 <= canvas.y1, f"{text.get_text()!r} leaves the canvas"
    for (one, first), (other, second) in combinations(boxes, 2):
        wide = min(first.x1, second.x1) - max(first.x0, second.x0)
        high = min(first.y1, second.y1) - max(first.y0, second.y0)
        assert wide < 1 or high < 1, f"{one.get_text()!r} overlaps {other.get_text()!r}"


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
        try:
            check(figure)
        except AssertionError as error:
            figure.savefig(f"/tmp/layout-{case.replace(' ', '-')}-{columns}-{name}.png")
            raise AssertionError(f"{name}: {error}") from None
        names.append(name)
    assert len(names) == 6 + (len(made.groups) > 1)


@pytest.mark.parametrize("columns", WIDTHS)
def test_one_members_progress_neither(columns):
    check(progress(member(3, 240_000, 50, True), width=WIDTHS[columns]))
