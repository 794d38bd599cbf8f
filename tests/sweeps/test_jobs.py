import os
import re
from pathlib import Path

import pytest

from dsjax.storage import locks
from dsjax.storage.locks import Busy
from dsjax.sweeps import jobs, ray_engine
from dsjax.sweeps.plan import read_plan
from dsjax.sweeps.results import read_results
from dsjax.sweeps.spec import open_folder, read_sweep

SWEEP = """
seeds = 1
[base]
episodes = 0
steps = 40
round_steps = 20
evaluation.every = 0
environment.backend = "sync"
[grid]
synapse.amplitude = [0.1, 0.2]
"""


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "small.toml").write_text(SWEEP)
    open_folder(read_sweep(tmp_path / "small.toml"), tmp_path / "sweep")
    return tmp_path / "sweep"


@pytest.fixture
def job(folder):
    [job] = read_plan(folder).jobs
    return job


def test_a_job_is_waiting_then_finished_and_then_left_alone(job, folder):
    assert jobs.status(job, folder) == {"state": "waiting"}
    jobs.train(job, folder)
    assert jobs.status(job, folder) == {"state": "finished", "stopped": []}
    before = (job.folder(folder) / "run.json").read_text()
    jobs.train(job, folder)
    assert (job.folder(folder) / "run.json").read_text() == before


def test_what_was_killed_before_there_was_a_run_begins_again(job, folder):
    job.folder(folder).mkdir(parents=True)
    (job.folder(folder) / "config.toml.tmp").write_text("half")
    jobs.train(job, folder)
    assert jobs.status(job, folder)["state"] == "finished"


def test_a_failure_is_kept_with_its_reason_until_the_job_succeeds(job, folder):
    job.folder(folder).parent.mkdir(parents=True)
    job.folder(folder).write_text("a file")
    for attempt in (1, 2):
        with pytest.raises(OSError):
            jobs.train(job, folder)
        found = jobs.status(job, folder)
        assert (found["state"], found["attempts"]) == ("failed", attempt)
        assert "NotADirectoryError" in found["error"]
        assert "Traceback" in found["details"]
    job.folder(folder).unlink()
    jobs.train(job, folder)
    assert jobs.status(job, folder)["state"] == "finished"


def test_a_job_that_is_being_trained_is_left_to_whoever_trains_it(job, folder, monkeypatch):
    monkeypatch.setattr(jobs, "_PATIENCE", 0.3)
    (folder / "status").mkdir()
    with (
        locks.hold(folder / "status" / f"{job.name}.lock", job.name),
        pytest.raises(Busy, match=re.escape(f"{job.name} is in use by process {os.getpid()} on ")),
    ):
        jobs.train(job, folder)
    assert jobs.status(job, folder) == {"state": "waiting"}  # which is no failure of the job


def test_a_job_that_another_process_holds_is_left_by_ray_too(job, folder, monkeypatch, capsys):
    """As by the local engine: it is no failure, which Ray would try again."""
    monkeypatch.setattr(jobs, "_PATIENCE", 0.1)
    (folder / "status").mkdir()
    with locks.hold(folder / "status" / f"{job.name}.lock", job.name):
        assert ray_engine._train(job, folder) is False
    assert f"{job.name} is in use by process {os.getpid()}" in capsys.readouterr().out
    assert ray_engine._train(job, folder) is True


@pytest.mark.parametrize("name", ["sweep[lr=1e-4]", "it's 100 %", "$a b", "-dash"])
def test_a_sweep_may_have_any_name(tmp_path, monkeypatch, name):
    monkeypatch.chdir(tmp_path)
    place = Path("./" + name)
    Path("small.toml").write_text(SWEEP)
    open_folder(read_sweep(Path("small.toml")), place)
    [job] = read_plan(place).jobs
    jobs.train(job, place)
    jobs.train(job, place)  # which is finished
    assert jobs.status(job, place) == {"state": "finished", "stopped": []}
    assert len(read_results(place).groups) == 2


def test_members_that_were_stopped_are_told(folder, job, monkeypatch):
    import numpy as np

    from dsjax import population
    from dsjax.cli.sweep_tables import stopped_lines
    from dsjax.training.rollout import training_step

    perform, calls = population.advance, []

    def broken(state, *arguments):
        calls.append(1)
        state, action, activity = perform(state, *arguments)
        return state._replace(running=state.running & np.array([True, False])), action, activity

    monkeypatch.setattr(population, "advance", broken)
    # The programs of other tests have the whole one.
    monkeypatch.setattr("dsjax.training.rollout.training_step", training_step.__wrapped__)
    jobs.train(job, folder)
    assert calls
    assert jobs.status(job, folder)["stopped"] == [1]
    [line] = stopped_lines(read_plan(folder), folder)
    assert line == f"{job.name}: point 1, member 0 was stopped, as its action was not finite"
