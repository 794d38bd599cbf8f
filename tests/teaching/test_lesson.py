import threading

import pytest

from dsjax.teaching import lesson as lesson_module
from dsjax.teaching.lesson import Controls, Lesson
from dsjax.teaching.walkers import Gift


class NoView:
    """Of a lesson whose walker nobody draws."""

    picture = None

    def begin_round(self, number):
        pass


@pytest.fixture
def lesson():
    lesson = Lesson(NoView())
    lesson.enter(lambda: None)
    return lesson


def waits(lesson, seconds=0.2):
    """Return the thread of a training that asks whether its round is over, and what it will have been told."""
    told = []
    thread = threading.Thread(target=lambda: told.append(lesson.done()), daemon=True)
    thread.start()
    thread.join(seconds)
    return thread, told


def test_what_is_held_counts_for_every_step(lesson):
    lesson.set("give", 1.0)
    assert [lesson.give() for _ in range(3)] == [Gift(1.0, False)] * 3
    lesson.set("give", 0.0)
    assert lesson.give() == Gift(0.0, False)


def test_a_tap_between_two_steps_counts_for_one(lesson):
    lesson.set("give", -3)
    lesson.set("give", 0)
    assert [lesson.give().given for _ in range(2)] == [-3.0, 0.0]


def test_a_gift_replaces_the_tasks_reward_or_is_added_to_it(lesson):
    lesson.set("give", 2.0)
    assert lesson.give().of(-100.0) == 2.0
    lesson.set("with_task", True)
    assert lesson.give().of(-100.0) == -98.0


@pytest.mark.parametrize(
    ("key", "value"),
    [
        *(("give", value) for value in ("1", None, True, float("nan"), float("inf"), 101, -101, 10**400, [1])),
        *(("speed", value) for value in (0, -1, 1e9, float("nan"), "fast", False)),
        *(("with_task", 1), ("paused", 0), ("round", 3), ("changed", True), ("", 1.0)),
    ],
)
def test_what_a_page_cannot_ask_for_is_refused_and_changes_nothing(lesson, key, value):
    with pytest.raises(ValueError, match="is nothing that this page can ask for"):
        lesson.set(key, value)
    assert lesson.controls == Controls()


def test_two_people_cannot_teach_one_run(lesson):
    assert not lesson.enter(lambda: None) and lesson.refusal() == "taken"
    lesson.leave()
    assert lesson.enter(lambda: None)
    lesson.end()
    lesson.leave()
    assert not lesson.enter(lambda: None) and lesson.refusal() == "saving"
    lesson.close("over")
    assert not lesson.enter(lambda: None) and lesson.refusal() == "over"


def test_a_tap_in_a_pause_is_not_kept_for_later(lesson):
    lesson.set("paused", True)
    lesson.set("give", 1)
    lesson.set("give", 0)
    lesson.set("paused", False)
    assert lesson.give().given == 0.0


@pytest.mark.parametrize("wake", ["end", "save", "leave"])
def test_a_pause_lasts_until_something_ends_the_round(lesson, wake):
    lesson.set("paused", True)
    thread, told = waits(lesson)
    assert thread.is_alive() and not told
    getattr(lesson, wake)()
    thread.join(5)
    assert told == [True]


def test_a_pause_ends_where_it_began(lesson):
    lesson.set("paused", True)
    thread, told = waits(lesson)
    lesson.set("paused", False)
    thread.join(5)
    assert told == [False]


def test_nothing_happens_while_nobody_looks(lesson):
    lesson.set("give", 1.0)
    lesson.leave()
    assert lesson.give().given == 0.0  # the key that was held is not held any more
    assert lesson.done()  # what was learned is saved
    thread, told = waits(lesson)
    assert thread.is_alive() and not told
    lesson.enter(lambda: None)
    thread.join(5)
    assert told == [False]


class Clock:
    """Time that passes in sleep alone."""

    now = 100.0

    def monotonic(self):
        return self.now

    def sleep(self, seconds):
        self.now += seconds


@pytest.mark.parametrize("speed", [0.5, 1.0, 4.0])
def test_steps_keep_the_pace_that_is_asked_for(lesson, monkeypatch, speed):
    clock = Clock()
    monkeypatch.setattr(lesson_module, "time", clock)
    lesson.set("speed", speed)
    while clock.now == 100.0:  # the lesson was late when it began
        lesson.done()
    started = clock.now
    for _ in range(50):
        assert not lesson.done()
    assert clock.now - started == pytest.approx(1 / speed)


def test_lost_time_is_let_go(lesson, monkeypatch):
    """After a long step the walker does not race to make up for it."""
    clock = Clock()
    monkeypatch.setattr(lesson_module, "time", clock)
    lesson.done()
    clock.now += 30.0
    started = clock.now
    for _ in range(100):
        lesson.done()
    assert clock.now - started > 100 / 50 - 0.2
