import numpy as np

from dsjax.plotting import coordinates


def test_coordinates_go_by_size_by_logarithm_or_by_name():
    places, _ = coordinates._coordinate([1.0, 2.0, 3.0])
    np.testing.assert_allclose(places, [0, 0.5, 1])
    places, marks = coordinates._coordinate([1e-6, 1e-4, 1e-2])
    np.testing.assert_allclose(places, [0, 0.5, 1])
    assert [text for _, text in marks] == ["1e-06", "0.0001", "0.01"]
    places, marks = coordinates._coordinate(np.linspace(0, 40000, 9))
    assert marks[2] == (0.5, "20,000")
    assert coordinates._coordinate(["sgd", "adam", "sgd"])[0] == [0.75, 0.25, 0.75]
    assert coordinates._coordinate([True, False])[1] == [(0.25, "no"), (0.75, "yes")]
    assert coordinates._coordinate([2.0, 2.0])[1] == [(0.5, "2")]


def test_infinite_values_stand_beside_the_others_by_name():
    places, marks = coordinates._coordinate([np.inf, 0.1, np.inf])
    assert places[0] == places[2] != places[1]
    assert [text for _, text in marks] == ["0.1", "inf"]
