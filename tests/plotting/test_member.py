import numpy as np

from dsjax.analysis.comparison import compare
from dsjax.plotting.member import progress


def test_progress_shows_every_episode_and_the_line_to_reach(small_runs):
    member = compare([small_runs / "a"]).groups[0].members[0]
    figure = progress(member)
    dots = sorted(offset[1] for cloud in figure.axes[0].collections for offset in cloud.get_offsets())
    assert dots == sorted(member.episodes["return"])
    assert any(np.all(np.asarray(line.get_ydata()) == 300) for line in figure.axes[0].lines)
    assert [axis.get_ylabel() for axis in figure.axes][1:3] == ["length [steps]", "amplitude"]
    np.testing.assert_array_equal(figure.axes[4].lines[0].get_ydata(), member.rounds["drift"])
