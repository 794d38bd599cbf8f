import math

import pytest

from dsjax.analysis.formats import count, duration, interval, number


def test_a_number_that_does_not_exist_is_a_dash():
    assert [number(value) for value in (1.25, -3, math.nan, math.inf)] == ["1.2", "-3.0", "-", "-"]
    assert number(0.5, ".0%") == "50%"


def test_an_interval_that_does_not_exist_is_a_dash():
    assert interval(1, 2.5) == "1.0 to 2.5"
    assert interval(math.nan, math.nan) == "-"
    assert interval(0.1, 0.2, ".0%", ", ") == "10%, 20%"


@pytest.mark.parametrize(("seconds", "text"), [
    (0.2, "1 second"), (40, "40 seconds"), (100, "2 minutes"), (3600, "60 minutes"), (9000, "2.5 hours"),
])  # fmt: skip
def test_a_duration_has_the_unit_that_suits_it(seconds, text):
    assert duration(seconds) == text


def test_things_are_counted_in_words():
    assert [count(n, "job") for n in (0, 1, 2000)] == ["0 jobs", "1 job", "2,000 jobs"]
    assert count(2, "is", "are") == "2 are"
