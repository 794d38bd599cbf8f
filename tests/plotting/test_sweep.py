import numpy as np
import pytest
from helpers import assert_drawn, assert_readable

from dsjax.plotting import sweep
from dsjax.plotting.coordinates import parallel_coordinates
from dsjax.plotting.style import save
from dsjax.sweeps.results import SweepResults, point_rows, read_results


@pytest.fixture(scope="module")
def results(small_sweep):
    return read_results(small_sweep)


def test_every_figure_of_a_grid_is_drawn_and_readable(results, tmp_path):
    figures = dict(sweep.sweep_figures(results))
    assert list(figures) == ["ranking", "main-effects", "heat-map"]
    figures["parallel-coordinates"] = parallel_coordinates(results)
    for name, figure in figures.items():
        assert_readable(figure)
        png, _ = save(figure, tmp_path, name)
        assert_drawn(figure, png)


def test_the_heat_map_shows_each_point(results):
    figure = sweep.heat_maps(results, results.plan.keys)
    cells = np.asarray(figure.axes[0].images[0].get_array())
    ranked = {row["point"]: row["iqm"] for row in point_rows(results)}
    np.testing.assert_allclose(cells, np.array([ranked[point] for point in range(6)]).reshape(3, 2))
    assert [text.get_text() for text in figure.axes[0].get_yticklabels()] == ["0.1", "0.2", "0.4"]


def test_points_without_a_score_are_left_blank(results):
    groups = {point: group for point, group in results.groups.items() if point != 3}
    partial = SweepResults(results.folder, results.plan, groups, results.terrains, [])
    for _, figure in sweep.sweep_figures(partial):
        assert_readable(figure)
    cells = np.asarray(sweep.heat_maps(partial, partial.plan.keys).axes[0].images[0].get_array())
    assert np.isnan(np.ma.filled(cells, np.nan)).sum() == 1
