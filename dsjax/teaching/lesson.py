"""What passes between the page, in one thread, and the training, in another.

The training asks what is given, and is held back to the pace of real time. While nobody looks, or a pause is on, it
waits.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from threading import Condition
from typing import Any

from dsjax.teaching.view import View
from dsjax.teaching.walkers import Gift, Moment

STEPS_PER_SECOND = 50  # of BipedalWalker, in real time
LARGEST = 100.0  # reward that can be given for a step: as much as the task takes for a fall
SLOWEST, FASTEST = 0.1, 100.0  # of real time
_FRAME = 1 / 30  # [s] between two pictures
_LATE = 0.1  # [s] that steps may be late before the lost time is let go


@dataclass(frozen=True)
class Controls:
    """How a person has set the page."""

    give: float = 0.0  # reward for every step, while a key is held
    with_task: bool = False  # whether the task's reward counts too
    speed: float = 1.0  # of real time
    paused: bool = False

    def changed(self, key: str, value: Any) -> "Controls":
        """Return the controls with another value.

        Raises:
          ValueError: there is no such key, or the value does not fit.
        """
        fits: dict[str, Callable[[Any], bool]] = {
            "give": lambda value: _number(value) and -LARGEST <= value <= LARGEST,
            "with_task": lambda value: isinstance(value, bool),
            "speed": lambda value: _number(value) and SLOWEST <= value <= FASTEST,
            "paused": lambda value: isinstance(value, bool),
        }
        if key not in fits or not fits[key](value):
            raise ValueError(f"{key} = {value!r}: is nothing that this page can ask for")
        return replace(self, **{key: value})


class Lesson:
    """One person's teaching of one walker: the Teacher of `TaughtWalkers` whom a page controls."""

    def __init__(self, view: View) -> None:
        """Prepare a lesson that waits for its page."""
        self.view = view
        self.over = self.again = False  # whether it ends; whether another one is to begin
        self.ending = ""  # why it has ended, once what was learned is saved: over, again or failed
        self.controls = Controls()
        self._changed = Condition()
        self._there = False
        self._ending = False  # the round in progress
        self._tap = 0.0  # given, and taken back before the next step
        self._due = self._drawn = 0.0  # [s] time of the next step, of the last picture
        self._tell: Callable[[], object] = lambda: None

    # What the page does.

    def enter(self, tell: Callable[[], object]) -> bool:
        """Begin to look; `tell` is called when there is a new picture. Return False if `refusal` says why not."""
        with self._changed:
            if self.refusal():
                return False
            self._there, self._tell, self._drawn = True, tell, 0.0
            self._changed.notify_all()
            return True

    def refusal(self) -> str:
        """Return why a page cannot look: taken, saving, or what `ending` says; "" if it can."""
        return self.ending or ("saving" if self.over else "taken" if self._there else "")

    def leave(self) -> None:
        """Look no longer: nothing is given, no time passes, and what was learned is saved."""
        with self._changed:
            self._there, self._tell = False, lambda: None
            self.controls, self._tap = replace(self.controls, give=0.0), 0.0
            self._ending = True
            self._changed.notify_all()

    def set(self, key: str, value: Any) -> None:
        """Change one of the controls; raise ValueError as `Controls.changed` does."""
        with self._changed:
            self.controls = self.controls.changed(key, value)
            if key == "give" and value and not self.controls.paused:
                self._tap = value
            self._changed.notify_all()

    def save(self) -> None:
        """End the round in progress, which saves it."""
        with self._changed:
            self._ending = True
            self._changed.notify_all()

    def end(self, again: bool = False) -> None:
        """Save and end; `again`: another lesson is to begin."""
        with self._changed:
            self.over, self.again = True, again
            self._changed.notify_all()

    def close(self, ending: str) -> None:
        """Tell the page that the training has ended, and why."""
        with self._changed:
            self.over, self.ending = True, ending
            self._tell()

    # What the training does.

    def begin_round(self, number: int) -> None:
        """Called before the first step of a round."""
        self.view.begin_round(number)

    def give(self) -> Gift:
        """Return what is given for the last step: what is held, or was since the step before."""
        with self._changed:
            given, self._tap = self.controls.give or self._tap, 0.0
            return Gift(float(given), self.controls.with_task)

    def see(self, moment: Moment) -> None:
        """Take a picture, unless the last one is too recent."""
        now = time.monotonic()
        self.view.count(moment)
        if now - self._drawn >= _FRAME or moment.begins:
            self._drawn = now
            self.view.draw(moment)
            self._tell()

    def done(self) -> bool:
        """Wait until the next step is due; return whether the round ends here."""
        with self._changed:
            self._changed.wait_for(self._may_go_on)
            if self.over or self._ending:
                self._ending = False
                return True
        now = time.monotonic()
        self._due = max(self._due + 1 / (STEPS_PER_SECOND * self.controls.speed), now - _LATE)
        time.sleep(max(self._due - now, 0.0))
        return False

    def _may_go_on(self) -> bool:
        return self.over or self._ending or (self._there and not self.controls.paused)


def _number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
