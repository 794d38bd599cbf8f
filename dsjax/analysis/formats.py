"""How numbers and intervals are written for people: a number that does not exist is a dash."""

import math
from collections.abc import Sequence
from itertools import takewhile

BLOCKS = "▁▂▃▄▅▆▇█"  # of a sparkline, from low to high


def number(value: float, form: str = ".1f") -> str:
    """Return a number as text, "-" for one that is not finite."""
    return f"{value:{form}}" if math.isfinite(value) else "-"


def short_number(value: float) -> str:
    """Return a number of steps or episodes in three digits: 950, 12.3k, 240M."""
    for size, letter in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if abs(value) >= 0.9995 * size:
            return f"{float(f'{value / size:.3g}'):g}{letter}"
    return f"{value:.0f}"


def interval(low: float, high: float, form: str = ".1f", between: str = " to ") -> str:
    """Return an interval as text, "-" for one that does not exist, as that of a single member."""
    return f"{low:{form}}{between}{high:{form}}" if math.isfinite(low) and math.isfinite(high) else "-"


def count(amount: int, one: str, many: str = "") -> str:
    """Return a number of things in words: "1 job", "2 jobs"."""
    return f"{amount:,} {one if amount == 1 else many or one + 's'}"


def duration(seconds: float) -> str:
    """Return a time in the unit that suits it: "40 seconds", "12 minutes", "3.5 hours"."""
    if seconds < 90:
        return count(max(1, round(seconds)), "second")
    if seconds < 5400:
        return count(round(seconds / 60), "minute")
    return f"{seconds / 3600:.1f} hours"


def short_duration(seconds: float) -> str:
    """Return a time in few characters: "40 s", "12 min", "3.5 h"."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


def sparkline(values: Sequence[float], low: float, high: float, width: int = 32, levels: str = BLOCKS) -> str:
    """Return a curve as one line of text: `width` values at most, spread evenly over all of them.

    Args:
      values: in order; one that is not finite is a blank.
      low: value of the lowest level.
      high: value of the highest level.
      width: characters at most.
      levels: characters from low to high.
    """
    count = min(width, len(values))
    places = [round(i * (len(values) - 1) / max(count - 1, 1)) for i in range(count)]
    step = (len(levels) - 1) / (high - low) if high > low else 0.0
    chosen = (values[place] for place in places)
    return "".join(levels[round((value - low) * step)] if math.isfinite(value) else " " for value in chosen)


def shorten(text: str, most: int) -> str:
    """Return a text of so many letters at most: what is left out of its middle is an ellipsis."""
    if len(text) <= most:
        return text
    end = max(most - 1, 2) // 2
    return f"{text[: max(most - 1 - end, 1)].rstrip()}…{text[-end:].lstrip()}"


def shorten_all(texts: Sequence[str], most: int) -> list[str]:
    """Return texts of so many letters at most that differ where the given ones do.

    What all begin and end with is shortened first; where that does not do, texts are numbered.
    """
    distinct = len(set(texts))
    short = [shorten(text, most) for text in texts]
    if len(set(short)) < distinct:
        short = _without_common(texts, most)
    if len(set(short)) < distinct:
        number = {text: f" ({place})" for place, text in enumerate(dict.fromkeys(texts))}
        short = [shorten(text, most - len(number[text])) + number[text] for text in texts]
    return short


def _without_common(texts: Sequence[str], most: int) -> list[str]:
    """Return texts shortened where they are alike: whole words at their beginning, and at their end."""
    words = [text.split(" ") for text in texts]
    start = _alike(words)
    end = _alike([each[start:][::-1] for each in words])
    own = [" ".join(each[start : len(each) - end]).strip(" ,") + ("…" if end else "") for each in words]
    room = most - max(map(len, own)) - 1  # for what they begin with
    head = shorten(" ".join(words[0][:start]), room) if room > 3 else ""
    return [shorten(f"{head}…{text}" if start else text, most) for text in own]


def _alike(rows: Sequence[Sequence[str]]) -> int:
    """Return how many first words rows have in common."""
    return sum(1 for _ in takewhile(lambda column: len(set(column)) == 1, zip(*rows, strict=False)))
