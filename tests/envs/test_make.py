import os
import signal
import sys

import gymnasium
import numpy as np
import pytest

from dsjax.envs import processes
from dsjax.envs.bipedal import make
from dsjax.envs.make import choose, make_vector
from dsjax.envs.processes import WorkerDied, WorkerVectorEnv
from dsjax.envs.task import SPEED, START, moved, outcome_of
from dsjax.envs.vector import LocalVectorEnv

ID = "BipedalWalker-v3"


def rollout(env, seed, steps=150, options=None):
    """Return all that an episode with random actions brings."""
    rng = np.random.default_rng(seed)
    seen = [env.reset(seed=seed, options=options)[0]]
    for _ in range(steps):
        observation, reward, terminated, truncated, _ = env.step(rng.uniform(-1, 1, 4).astype(np.float32))
        seen.append(np.append(observation, reward))
        if terminated or truncated:
            break
    return np.concatenate(seen)


def test_reset_is_a_function_of_its_seed():
    reused = make(ID)
    for seed in range(6):
        used = rollout(reused, seed, options={})
        np.testing.assert_array_equal(used, rollout(make(ID), seed, options={}))
        # And a new env of gymnasium's own gives the same physics.
        np.testing.assert_array_equal(used, rollout(gymnasium.make(ID), seed))


def test_hardcore_terrain_too():
    reused = make("BipedalWalkerHardcore-v3")
    first = rollout(reused, 3, options={})
    rollout(reused, 4, options={})
    np.testing.assert_array_equal(rollout(reused, 3, options={}), first)


def test_a_series_of_episodes_has_consecutive_terrains_and_then_rests():
    env = make(ID)
    first, _ = env.reset(seed=10, options={"episodes": 2, "stride": 5})
    second, _ = env.reset()
    rest, _ = env.reset()
    np.testing.assert_array_equal(first, make(ID).reset(seed=10, options={})[0])
    np.testing.assert_array_equal(second, make(ID).reset(seed=15, options={})[0])
    np.testing.assert_array_equal(rest, np.zeros(24))
    assert env.step(np.ones(4, np.float32))[1:4] == (0.0, False, False)


def play(envs, seeds, steps=200, options=None):
    rng = np.random.default_rng(0)
    actions = rng.uniform(-1, 1, (steps, envs.num_envs, 4)).astype(np.float32)
    observation, _ = envs.reset(seed=seeds, options=options or {})
    seen = [observation.copy()]
    for action in actions:
        outcome = envs.step(action)[:4]
        seen += [np.array(value) for value in outcome]
    envs.close()
    return [np.asarray(value) for value in seen]


@pytest.mark.parametrize("workers", [1, 2, 3])
def test_both_backends_give_the_same_bits(workers):
    seeds = [5, None, 7, 8, 9]
    one = play(make_vector(ID, 5, "sync"), seeds)
    other = play(make_vector(ID, 5, "async", workers), seeds)
    assert any(value.any() for value in one[3::4])  # some episode ended, and was reset
    for a, b in zip(one, other, strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize(
    ("processors", "count", "kind"),
    [(4, 1, LocalVectorEnv), (4, 3, LocalVectorEnv), (1, 8, LocalVectorEnv), (2, 4, WorkerVectorEnv)],
)
def test_auto_uses_workers_where_cores_and_envs_are_enough(processors, count, kind, monkeypatch):
    monkeypatch.setattr("dsjax.envs.make.cores", lambda: processors)
    envs = make_vector(ID, count, choose("auto", count, gymnasium_only=True))
    assert type(envs) is kind
    envs.close()


def test_a_dead_worker_is_named():
    envs = make_vector(ID, 4, "async", 2)
    envs.reset(seed=[1, 2, 3, 4], options={})
    os.kill(envs._processes[1].pid, signal.SIGKILL)
    with pytest.raises(WorkerDied, match=r"env worker 1, with members 2 to 3, died \(exit code -9\)"):
        for _ in range(10):
            envs.step(np.zeros((4, 4), np.float32))
    envs.close()


def test_an_error_in_a_worker_arrives_here():
    envs = make_vector(ID, 2, "async", 1)
    with pytest.raises(TypeError):
        envs.reset(seed=["one", "two"], options={})
    envs.close()


@pytest.mark.parametrize("groups", [1, 2])
def test_an_error_in_one_worker_leaves_no_reply_of_the_others_behind(groups):
    """Two of four workers fail at a reset: the next reset and its steps are those of envs that never failed."""
    disturbed, quiet = (WorkerVectorEnv(ID, 4, 4, groups) for _ in range(2))
    for bad in (["one", 2, 3, 4], [1, 2, "three", "four"]):
        with pytest.raises(TypeError):
            disturbed.reset(seed=bad, options={})
    for one, other in zip(play(disturbed, [1, 2, 3, 4]), play(quiet, [1, 2, 3, 4]), strict=True):
        np.testing.assert_array_equal(one, other)


def test_an_error_in_one_group_leaves_no_reply_of_another_behind():
    envs, quiet = (WorkerVectorEnv(ID, 4, 2, 2) for _ in range(2))
    envs.reset(seed=[1, 2, 3, 4], options={})
    envs._tell(0, ("reset", ("no seeds", 7)))  # goes wrong there
    envs._tell(1, ("step", None))
    with pytest.raises(ValueError, match="length must match"):
        envs._wait([0])
    for one, other in zip(play(envs, [5, 6, 7, 8]), play(quiet, [5, 6, 7, 8]), strict=True):
        np.testing.assert_array_equal(one, other)


def test_an_error_that_cannot_be_sent_arrives_in_words():
    class Local(Exception):
        pass

    error = processes._portable(Local("what happened"))
    assert (type(error), str(error)) == (RuntimeError, "Local: what happened")
    assert processes._portable(error) is error


def test_an_envpool_that_cannot_be_imported_is_not_chosen(tmp_path, monkeypatch):
    (tmp_path / "envpool").mkdir()
    (tmp_path / "envpool" / "__init__.py").write_text("raise ImportError('libX.so.3: cannot open shared object file')")
    for name in [name for name in sys.modules if name.partition(".")[0] == "envpool"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.warns(UserWarning, match=r"EnvPool is not used: importing it fails: libX\.so\.3: cannot open"):
        assert choose("auto", 8) in ("async", "sync")
    with pytest.raises(ValueError, match=r"environment\.backend = 'envpool': importing it fails: libX\.so\.3"):
        choose("envpool", 8)
    assert choose("sync", 8) == "sync"


def test_unknown_backend_is_refused():
    with pytest.raises(ValueError, match=r"environment.backend = 'ray': must be one of auto, envpool, async, sync"):
        make_vector(ID, 2, "ray")


def test_outcomes(terminated, reward, way, outcome):
    assert outcome_of(terminated, reward, way) == outcome


def test_outcomes_are_what_the_walker_itself_knows():
    """Random actions, and two linear controllers that walk back past the start."""
    env = make(ID)
    inside, seen = env.unwrapped, []
    for seed in (*range(8), 69, 142):
        rng, way = np.random.default_rng(seed), 0.0
        gains = rng.normal(size=(4, 15))
        observation, _ = env.reset(seed=seed, options={})
        for _ in range(1600):
            action = rng.uniform(-1, 1, 4) if seed < 8 else np.clip(gains @ np.append(observation[:14], 1), -1, 1)
            observation, reward, terminated, _, _ = env.step(action.astype(np.float32))
            way += moved(observation[SPEED])
            if terminated:
                assert abs(START + way - inside.hull.position.x) < 0.1
                assert outcome_of(terminated, reward, way) == ("fell" if inside.game_over else "retreated")
                seen.append(inside.game_over)
                break
    env.close()
    assert {True, False} == set(seen)
