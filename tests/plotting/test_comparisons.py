import gc
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from helpers import assert_drawn, assert_readable
from matplotlib import pyplot
from matplotlib.figure import Figure
from matplotlib.text import Text

from dsjax.analysis.comparison import Comparison, Group, compare
from dsjax.analysis.stats import profile, survival
from dsjax.plotting import comparisons
from dsjax.plotting.curves import training_curves
from dsjax.plotting.member import progress
from dsjax.plotting.style import group_color, save

FIGURES = (
    *("training-steps", "training-episodes", "solved", "frozen-steps", "final-returns", "profile", "improvement"),
)


@pytest.fixture(scope="module")
def comparison(small_runs):
    return compare([small_runs / name for name in "abc"])


def lines(axis, color):
    return [line for line in axis.lines if line.get_color() == color]


def test_every_figure_is_drawn_saved_and_readable(comparison, tmp_path):
    figures = dict(comparisons.comparison_figures(comparison))
    assert list(figures) == [name for name in FIGURES if name not in comparisons.left_out(comparison)]
    figures["progress"] = progress(comparison.groups[0].members[1])
    for name, figure in figures.items():
        assert_readable(figure)
        png, pdf = save(figure, tmp_path, name)
        assert_drawn(figure, png)
        assert pdf.read_bytes().startswith(b"%PDF")
    assert pyplot.get_fignums() == []  # nothing is left open
    assert sorted(path.suffix for path in tmp_path.iterdir()) == [".pdf"] * len(figures) + [".png"] * len(figures)


def test_the_same_figure_is_the_same_file(comparison, tmp_path):
    first = [path.read_bytes() for path in save(comparisons.score_profile(comparison), tmp_path, "first")]
    again = [path.read_bytes() for path in save(comparisons.score_profile(comparison), tmp_path, "again")]
    assert first == again


def test_figures_do_not_outlive_their_use(comparison):
    comparisons.score_profile(comparison)
    gc.collect()
    assert not [thing for thing in gc.get_objects() if isinstance(thing, Figure)]


@pytest.mark.parametrize("label", ["a$b$c", "_y", "x[/]", "50 % | <b>&"])
def test_a_label_is_drawn_as_it_is(comparison, label):
    groups = [replace(group, label=f"{label}{number}") for number, group in enumerate(comparison.groups)]
    named = replace(comparison, groups=groups)
    for figure in (
        training_curves(named),
        comparisons.solved_over_time(named),
        comparisons.improvements(named),
    ):
        figure.draw_without_rendering()
        drawn = [text for text in figure.findobj(Text) if label in text.get_text()]
        assert any(f"{label}0" in text.get_text() for text in drawn) and not any(
            text.get_parse_math() for text in drawn
        )


def test_final_returns_show_every_member_and_its_falls(comparison):
    figure = comparisons.final_returns(comparison)
    figure.draw_without_rendering()
    for number, group in enumerate(comparison.groups):
        above, below = figure.axes[2 * number : 2 * number + 2]
        ranked = sorted(group.members, key=lambda member: -member.score)
        assert len(above.collections) == len(ranked)  # one cloud of dots each
        for member, cloud, bar in zip(ranked, above.collections, below.patches, strict=True):
            assert cloud.get_offsets()[:, 1].tolist() == member.final["return"].tolist()
            assert bar.get_height() == 100 * member.fall_rate
    assert "56.2" in [label.get_text() for label in figure.axes[1].get_xticklabels()]  # seed 56, member 2
    assert "1" in [label.get_text() for label in figure.axes[3].get_xticklabels()]


def test_the_profile_is_the_share_of_members(comparison):
    axis = comparisons.score_profile(comparison).axes[0]
    for number, group in enumerate(comparison.groups):
        (line,) = lines(axis, group_color(number))
        share, _, _ = profile(group.scores(), line.get_xdata())
        np.testing.assert_allclose(line.get_ydata(), 100 * share)


def crafted(solved_at, trained):
    """Return a comparison of one group that was solved at some steps, -1 for never."""
    members = [
        SimpleNamespace(
            index=k,
            running=True,
            score=np.nan,
            episodes={"return": [1.0]},
            solved_at=lambda rule, unit, at=at: at,
            watched=lambda unit, t=t: t,
        )
        for k, (at, t) in enumerate(zip(solved_at, trained, strict=True))
    ]
    return Comparison([Group("crafted", members)], "test-v1", [], [])


def test_solved_over_time_counts_the_censored():
    solved_at, trained = [300, 500, 500, -1, -1], [1000, 1000, 1000, 400, 900]
    figure = comparisons.solved_over_time(crafted(solved_at, trained))
    assert_readable(figure)
    for axis in figure.axes:
        curve = survival(solved_at, trained)
        steps, censored, median = lines(axis, group_color(0))
        assert steps.get_xdata().tolist() == [0, *curve.time, 1000]
        np.testing.assert_allclose(steps.get_ydata(), [0, *100 * curve.solved, 100 * curve.solved[-1]])
        assert censored.get_xdata().tolist() == [400, 900]
        assert median.get_xdata() == [500]
    entries = [text.get_text() for text in figure.legends[0].get_texts()]
    assert entries == ["95 % interval", "not solved when last seen", "half are solved (learning 500.0, frozen 500.0)"]


def test_none_solved_draws_a_line_at_zero_where_it_is_drawn_at_all():
    assert "None of 2 members is solved yet" in comparisons.left_out(crafted([-1, -1], [1000, 800]))["solved"]
    for axis in comparisons.solved_over_time(crafted([-1, -1], [1000, 800])).axes:
        steps, censored = lines(axis, group_color(0))
        assert set(steps.get_ydata()) == {0}
        assert censored.get_xdata().tolist() == [1000, 800]


def test_runs_never_evaluated_are_drawn_without_frozen_returns(tmp_path):
    from dsjax.config import loading
    from dsjax.training.trainer import Trainer

    settings = {"members": 2, "steps": 400, "round_steps": 400, "evaluation": {"every": 0}}
    Trainer(loading.build(settings | {"environment": {"backend": "sync"}}), tmp_path / "run").run()
    comparison = compare([tmp_path / "run"])
    assert [name for name, _ in comparisons.comparison_figures(comparison)] == [
        "training-steps",
        "training-episodes",
    ]
    missing = comparisons.left_out(comparison)
    assert set(FIGURES) == {"training-steps", "training-episodes", *missing}
    assert "evaluation.every" in missing["profile"]
    assert len(comparison.notes) == 2
    assert comparison.notes[0].endswith("member 0 was never evaluated, and has no frozen return")
