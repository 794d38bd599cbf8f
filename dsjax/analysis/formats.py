"""How numbers and intervals are written for people: a number that does not exist is a dash."""

import math


def number(value: float, form: str = ".1f") -> str:
    """Return a number as text, "-" for one that is not finite."""
    return f"{value:{form}}" if math.isfinite(value) else "-"


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
