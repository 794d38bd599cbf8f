import numpy as np

from dsjax.training.episode_stats import EpisodeStats

FALSE = np.zeros(2, bool)


def observe(stats, rewards, terminated=FALSE, truncated=FALSE, stepped=(True, True), speed=(0.0, 0.0)):
    stats.observe(*(np.array([value]) for value in (rewards, terminated, truncated, stepped, speed)))


def test_a_walker_that_walks_back_past_the_start_did_not_fall():
    stats = EpisodeStats(2)
    for _ in range(100):
        observe(stats, [0.0, 0.0], speed=[-0.3, -0.27])  # five metres back, and four and a half
    observe(stats, [-100.0, -100.0], terminated=[True, True])
    observe(stats, [0.0, 0.0], stepped=FALSE, speed=[9.0, 9.0])  # the reset is no step
    observe(stats, [-100.0, -100.0], terminated=[True, True])
    columns = stats.end_round(1)
    rows = sorted(zip(*(columns[name] for name in ("member", "episode", "outcome")), strict=True))
    assert rows == [(0, 0, "retreated"), (0, 1, "fell"), (1, 0, "fell"), (1, 1, "fell")]


def test_rows_of_a_round():
    stats = EpisodeStats(2)
    observe(stats, [1.0, 2.0])
    observe(stats, [-100.0, 2.0], terminated=[True, False])
    observe(stats, [99.0, 2.0], stepped=[False, True])  # member 0's reset counts as nothing
    observe(stats, [0.5, 0.25], truncated=[False, True])
    columns = stats.end_round(7)
    assert list(columns["round"]) == [7, 7, 7]
    rows = zip(*(columns[n] for n in ("member", "episode", "step", "length", "return", "outcome")), strict=True)
    assert sorted(rows) == [(0, 0, 2, 2, -99.0, "fell"), (0, 1, 3, 1, 0.5, "cut"), (1, 0, 4, 4, 6.25, "timeout")]
    assert list(stats.steps) == [3, 4]
    assert list(stats.completed) == [1, 1]
    assert list(stats.training_return()) == [-99.0, 6.25]
    assert list(stats.training_length()) == [2.0, 4.0]
    assert list(stats.best_return) == [-99.0, 6.25]


def test_counting_many_steps_at_once_changes_nothing():
    rng = np.random.default_rng(0)
    reward, terminated = rng.normal(size=(500, 2)), rng.random((500, 2)) < 0.02
    truncated = (rng.random((500, 2)) < 0.01) & ~terminated
    stepped = ~np.roll(terminated | truncated, 1, axis=0)
    reward[terminated] = -100.0
    steps = reward, terminated, truncated, stepped, rng.normal(-0.5, 1, size=(500, 2)).astype(np.float32)
    whole, single = EpisodeStats(2), EpisodeStats(2)
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


def play(stats, returns):
    """Let member 0 complete one-step episodes with these returns, member 1 none."""
    for value in returns:
        observe(stats, [value, 0.0], truncated=[True, False])


def test_solved_in_training_needs_a_hundred_consecutive_episodes():
    stats = EpisodeStats(2)
    play(stats, [400.0] * 99)
    assert not stats.solved().any()
    play(stats, [-20000.0] + [300.0] * 99)
    assert not stats.solved().any()
    play(stats, [300.0])
    assert list(stats.solved()) == [True, False]
    assert (stats.training_solved_episode[0], stats.training_solved_step[0]) == (200, 200)
    play(stats, [-500.0] * 50)
    assert stats.training_solved_episode[0] == 200  # the first time counts


def test_solved_frozen_needs_a_hundred_terrains():
    stats = EpisodeStats(2)
    play(stats, [1.0] * 5)
    stats.count_evaluation(0, np.full(99, 310.0))
    assert stats.frozen_solved_step[0] == -1
    stats.count_evaluation(0, np.full(100, 310.0))
    stats.count_evaluation(1, np.full(100, 299.0))
    assert list(stats.frozen_solved_step) == [5, -1]
    assert list(stats.frozen_solved_episode) == [5, -1]
    assert list(stats.frozen_return) == [310.0, 299.0]


def test_cut_episodes_stay_out_of_the_statistics():
    stats = EpisodeStats(2)
    play(stats, [5.0])
    observe(stats, [1000.0, 0.0])
    stats.end_round(1)
    assert stats.training_return()[0] == 5.0
    assert list(stats.completed) == [1, 0]
    assert list(stats.episodes) == [2, 1]


def test_a_copy_needs_episodes_of_its_own():
    stats = EpisodeStats(2)
    play(stats, [400.0] * 99)
    stats.count_evaluation(1, np.full(3, 50.0))
    stats.stopped_round[0] = 4
    stats.reset_replaced(np.array([1, 1]))
    assert np.isnan(stats.training_return()[0])
    assert list(stats.frozen_return) == [50.0, 50.0]
    assert (stats.stopped_round[0], stats.best_return[0], stats.completed[0]) == (-1, 400.0, 99)
    play(stats, [400.0] * 99)
    assert not stats.solved().any()
    play(stats, [400.0])
    assert list(stats.solved()) == [True, False]


def test_restored_counters_are_equal_and_apart():
    stats, other = EpisodeStats(2), EpisodeStats(2)
    play(stats, [5.0, 6.0])
    other.restore(stats.arrays())
    play(stats, [7.0])
    assert other.training_return()[0] == 5.5
    assert stats.training_return()[0] == 6.0


def test_counters_that_an_older_snapshot_does_not_have_stay_as_at_the_start():
    stats = EpisodeStats(2)
    play(stats, [5.0])
    older = {name: value for name, value in stats.arrays().items() if name not in ("tally.restarts", "tally.began")}
    other = EpisodeStats(2)
    other.restore(older)
    assert other.training_return()[0] == 5.0
    assert other.restarts.tolist() == other.began.tolist() == [0, 0]
