import numpy as np

from dsjax.tally import Tally

FALSE = np.zeros(2, bool)


def observe(tally, rewards, terminated=FALSE, truncated=FALSE, stepped=(True, True), speed=(0.0, 0.0)):
    tally.observe(*(np.array([value]) for value in (rewards, terminated, truncated, stepped, speed)))


def test_a_walker_that_walks_back_past_the_start_did_not_fall():
    tally = Tally(2)
    for _ in range(100):
        observe(tally, [0.0, 0.0], speed=[-0.3, -0.27])  # five metres back, and four and a half
    observe(tally, [-100.0, -100.0], terminated=[True, True])
    observe(tally, [0.0, 0.0], stepped=FALSE, speed=[9.0, 9.0])  # the reset is no step
    observe(tally, [-100.0, -100.0], terminated=[True, True])
    columns = tally.end_round(1)
    rows = sorted(zip(*(columns[name] for name in ("member", "episode", "outcome")), strict=True))
    assert rows == [(0, 0, "retreated"), (0, 1, "fell"), (1, 0, "fell"), (1, 1, "fell")]


def test_rows_of_a_round():
    tally = Tally(2)
    observe(tally, [1.0, 2.0])
    observe(tally, [-100.0, 2.0], terminated=[True, False])
    observe(tally, [99.0, 2.0], stepped=[False, True])  # member 0's reset counts as nothing
    observe(tally, [0.5, 0.25], truncated=[False, True])
    columns = tally.end_round(7)
    assert list(columns["round"]) == [7, 7, 7]
    rows = zip(*(columns[n] for n in ("member", "episode", "step", "length", "return", "outcome")), strict=True)
    assert sorted(rows) == [(0, 0, 2, 2, -99.0, "fell"), (0, 1, 3, 1, 0.5, "cut"), (1, 0, 4, 4, 6.25, "timeout")]
    assert list(tally.steps) == [3, 4]
    assert list(tally.completed) == [1, 1]
    assert list(tally.training_return()) == [-99.0, 6.25]
    assert list(tally.training_length()) == [2.0, 4.0]
    assert list(tally.best_return) == [-99.0, 6.25]


def test_counting_many_steps_at_once_changes_nothing():
    rng = np.random.default_rng(0)
    reward, terminated = rng.normal(size=(500, 2)), rng.random((500, 2)) < 0.02
    truncated = (rng.random((500, 2)) < 0.01) & ~terminated
    stepped = ~np.roll(terminated | truncated, 1, axis=0)
    reward[terminated] = -100.0
    steps = reward, terminated, truncated, stepped, rng.normal(-0.5, 1, size=(500, 2)).astype(np.float32)
    whole, single = Tally(2), Tally(2)
    for start in range(0, 500, 200):
        whole.observe(*(array[start : start + 200] for array in steps))
    for tick in range(500):
        single.observe(*(array[tick : tick + 1] for array in steps))
    columns, others = whole.end_round(1), single.end_round(1)
    assert len(columns["return"]) > 10
    for name, values in columns.items():
        np.testing.assert_array_equal(values, others[name])
    for name, values in whole.arrays().items():
        np.testing.assert_array_equal(values, single.arrays()[name])


def play(tally, returns):
    """Let member 0 complete one-step episodes with these returns, member 1 none."""
    for value in returns:
        observe(tally, [value, 0.0], truncated=[True, False])


def test_solved_in_training_needs_a_hundred_consecutive_episodes():
    tally = Tally(2)
    play(tally, [400.0] * 99)
    assert not tally.solved().any()
    play(tally, [-20000.0] + [300.0] * 99)
    assert not tally.solved().any()
    play(tally, [300.0])
    assert list(tally.solved()) == [True, False]
    assert (tally.training_solved_episode[0], tally.training_solved_step[0]) == (200, 200)
    play(tally, [-500.0] * 50)
    assert tally.training_solved_episode[0] == 200  # the first time counts


def test_solved_frozen_needs_a_hundred_terrains():
    tally = Tally(2)
    play(tally, [1.0] * 5)
    tally.evaluated(0, np.full(99, 310.0))
    assert tally.frozen_solved_step[0] == -1
    tally.evaluated(0, np.full(100, 310.0))
    tally.evaluated(1, np.full(100, 299.0))
    assert list(tally.frozen_solved_step) == [5, -1]
    assert list(tally.frozen_solved_episode) == [5, -1]
    assert list(tally.frozen_return) == [310.0, 299.0]


def test_cut_episodes_stay_out_of_the_statistics():
    tally = Tally(2)
    play(tally, [5.0])
    observe(tally, [1000.0, 0.0])
    tally.end_round(1)
    assert tally.training_return()[0] == 5.0
    assert list(tally.completed) == [1, 0]
    assert list(tally.episodes) == [2, 1]


def test_a_copy_needs_episodes_of_its_own():
    tally = Tally(2)
    play(tally, [400.0] * 99)
    tally.evaluated(1, np.full(3, 50.0))
    tally.stopped_round[0] = 4
    tally.succeeded(np.array([1, 1]))
    assert np.isnan(tally.training_return()[0])
    assert list(tally.frozen_return) == [50.0, 50.0]
    assert (tally.stopped_round[0], tally.best_return[0], tally.completed[0]) == (-1, 400.0, 99)
    play(tally, [400.0] * 99)
    assert not tally.solved().any()
    play(tally, [400.0])
    assert list(tally.solved()) == [True, False]


def test_restored_counters_are_equal_and_apart():
    tally, other = Tally(2), Tally(2)
    play(tally, [5.0, 6.0])
    other.restore(tally.arrays())
    play(tally, [7.0])
    assert other.training_return()[0] == 5.5
    assert tally.training_return()[0] == 6.0
