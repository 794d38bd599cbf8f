import math

import pytest

from dsjax.analysis.formats import count, duration, interval, number, short_number, shorten, shorten_all


def test_a_number_that_does_not_exist_is_a_dash():
    assert [number(value) for value in (1.25, -3, math.nan, math.inf)] == ["1.2", "-3.0", "-", "-"]
    assert number(0.5, ".0%") == "50%"


def test_large_numbers_have_three_digits():
    found = [short_number(value) for value in (0, 950, 999.6, 12_345, 999_999, 240e6, 1.2e9)]
    assert found == ["0", "950", "1k", "12.3k", "1M", "240M", "1.2G"]


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


def test_what_is_left_out_of_a_text_is_an_ellipsis():
    assert shorten("twelve words", 12) == "twelve words"
    assert shorten("abcdefghij", 7) == "abc…hij"
    assert [len(shorten("abcdefghij", most)) for most in (4, 5, 8)] == [4, 5, 8]


def test_shortened_texts_still_differ():
    rates = [f"learning rate {number}e-05, floor -30" for number in (1, 2, 30)]
    assert shorten_all(rates, 40) == rates
    assert shorten_all(rates, 22) == ["learning rate…1e-05…", "learning rate…2e-05…", "learning rate…30e-05…"]
    assert shorten_all(["0", "one that is far too long"], 9) == ["0", "one…long"]
    for most in (8, 12, 20, 30):
        many = shorten_all([f"{'x' * 20}{number}{'y' * 20}" for number in range(40)], most)
        assert len(set(many)) == 40 and max(map(len, many)) <= most
    assert shorten_all(["a long name", "a long name"], 7) == ["a l…ame", "a l…ame"]  # were never told apart
