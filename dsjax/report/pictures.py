"""The figures of a report as pictures. A figure that would be empty is a sentence instead."""

import base64
from collections.abc import Iterator
from io import BytesIO
from typing import NamedTuple

import numpy as np
from matplotlib.figure import Figure

from dsjax.analysis.comparison import Comparison
from dsjax.analysis.members import Member
from dsjax.evaluation.recording import Recording
from dsjax.plotting import comparisons, style
from dsjax.plotting.member import progress
from dsjax.plotting.synapses import draw, moved_farthest

_FIGURES = {
    "training-steps": (
        "Returns in training, over steps", "Training returns over steps, of the oscillating, learning controllers."
    ),
    "training-episodes": (
        "Returns in training, over episodes",
        "Training returns over episodes; dotted where only some members have had so many.",
    ),
    "solved": (
        "Solved by when",
        "Members solved by each of the two rules, over steps. Members not solved are censored, not left out.",
    ),
    "frozen-steps": (
        "Frozen centers in training",
        "Returns of the frozen centers on held-out terrains, evaluated between rounds.",
    ),
    "final-returns": (
        "Frozen centers at the end",
        "Final episodes of every member's frozen centers, and the share that ended in a fall.",
    ),
    "profile": ("Performance profile", "Share of members whose frozen centers score more than a return."),
    "improvement": (
        "Which group is better", "Probability that a member of one group scores more than one of another."
    ),
}  # fmt: skip
_INSIDE = {
    "weights": "weights around their centers, and what moves them",
    "trajectories": "how three weights move together",
    "oscillators": "oscillators",
    "neurons": "neurons",
    "gait": "gait",
}


class Picture(NamedTuple):
    """A figure, or without data the sentence in its place."""

    name: str  # of its place in the page
    title: str
    caption: str
    data: str = ""  # PNG in base64
    width: int = 0  # [pixels]
    height: int = 0


def of_comparison(comparison: Comparison) -> Iterator[Picture]:
    """Yield the figures of a comparison, sentences in place of empty ones: each sentence once."""
    missing = comparisons.left_out(comparison)
    said = set()
    drawn = comparisons.comparison_figures(comparison)
    for name, (title, caption) in _FIGURES.items():
        if name not in missing:
            yield _picture(name, title, caption, next(drawn)[1])
        elif missing[name] not in said:
            said.add(missing[name])
            yield Picture(name, title, missing[name])


def of_member(member: Member) -> Picture:
    """Return the progress of one member."""
    who = f"{member.run.name}, member {member.index}"
    title = f"Training of {who}"
    if not (len(member.episodes["return"]) or len(member.evaluations["return"])):
        return Picture("progress", title, "It has completed no training episode and no evaluation yet.")
    caption = f"Training of {who}, the best so far: returns, lengths and what becomes of its synapses."
    return _picture("progress", title, caption, progress(member))


def of_inside(seen: Recording) -> Iterator[Picture]:
    """Yield what goes on inside a member as it walks and learns."""
    who = f"{seen.run}, member {seen.member}, after round {seen.round}"
    for kind, figure in draw(seen, moved_farthest(seen)).items():
        about = _INSIDE.get(kind, kind)
        yield _picture(
            f"inside-{kind}", f"Inside: {about}", f"Inside {who}, oscillating and learning: {about}.", figure
        )


def encoded(content: bytes) -> str:
    """Return bytes in base64, as a page holds them."""
    return base64.b64encode(content).decode()


def _picture(name: str, title: str, caption: str, figure: Figure) -> Picture:
    image = BytesIO()
    style.styled(figure.savefig)(image, format="png")
    width, height = np.round(figure.get_size_inches() * figure.dpi).astype(int).tolist()
    return Picture(name, title, caption, encoded(image.getvalue()), width, height)
