import json
import os
import re
import signal
from contextlib import contextmanager
from types import SimpleNamespace

import psutil
import pytest
from helpers import (
    JOBS,
    SWEEP,
    assert_same_sweep,
    files,
    last_holder,
    run_command,
    run_script,
    start_script,
    wait_until,
)

from dsjax.config import loading
from dsjax.errors import RunError
from dsjax.storage import locks
from dsjax.sweeps import jobs, local_engine
from dsjax.sweeps.plan import make_plan, read_plan
from dsjax.sweeps.spec import Sweep, open_folder, read_sweep


def test_a_sweep_trains_every_point(whole):
    made = read_plan(whole)
    assert [jobs.status(job, whole) for job in made.jobs] == [{"state": "finished", "stopped": []}] * 2
    assert all(len(list((job.folder(whole) / "episodes").iterdir())) == 4 for job in made.jobs)


def test_started_again_it_has_nothing_to_do(whole, sweep_file):
    before = files(whole)
    status, output = run_script("sweep.py", sweep_file, "--output", whole)
    assert status == 0
    assert all(f"{name}: finished before" in output for name in JOBS)
    assert files(whole) == before


@pytest.mark.slow
def test_killed_at_any_moment_and_restarted_it_gives_the_same_files(whole, sweep_file, tmp_path):
    folder = tmp_path / "killed"
    moments = [
        folder / "sweep.toml",
        folder / "status" / f"{JOBS[0]}.lock",
        folder / "jobs" / JOBS[0] / "run.json",
        folder / "jobs" / JOBS[1] / "episodes" / "round-000002.parquet",
        folder / "status" / f"{JOBS[0]}.json",
    ]
    for moment in moments:
        process = start_script("sweep.py", sweep_file, "--output", folder, "--side-by-side", 1)
        wait_until(moment.exists, process)
        children = psutil.Process(process.pid).children(recursive=True)
        os.kill(process.pid, signal.SIGKILL)
        process.communicate()
        _, alive = psutil.wait_procs(children, timeout=10)
        assert not alive  # jobs end with the sweep that started them
    status, output = run_script("sweep.py", sweep_file, "--output", folder)
    assert status == 0, output
    assert_same_sweep(whole, folder)


@pytest.mark.slow
def test_a_job_whose_process_dies_is_tried_again(whole, sweep_file, tmp_path):
    folder = tmp_path / "disturbed"
    process = start_script("sweep.py", sweep_file, "--output", folder)
    wait_until(lambda: (folder / "jobs" / JOBS[1] / "episodes" / "round-000001.parquet").exists(), process)
    os.kill(last_holder(folder, JOBS[1]), signal.SIGKILL)
    output, _ = process.communicate(timeout=120)
    assert process.returncode == 0, output
    assert f"{JOBS[1]}: its process ended before its time (exit status -9); trying again" in output
    assert_same_sweep(whole, folder)


def test_interrupted_it_stops_its_jobs_and_says_how_to_go_on(whole, sweep_file, tmp_path):
    folder = tmp_path / "interrupted"
    process = start_script("sweep.py", sweep_file, "--output", folder)
    wait_until(lambda: (folder / "jobs" / JOBS[0] / "episodes" / "round-000001.parquet").exists(), process)
    children = psutil.Process(process.pid).children(recursive=True)
    os.killpg(process.pid, signal.SIGINT)
    output, _ = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "Stopped by SIGINT. The same command continues." in output
    assert "Traceback" not in output
    assert not psutil.wait_procs(children, timeout=10)[1]
    assert not list((folder / "status").glob("*.json"))  # nothing has failed


@pytest.mark.slow
def test_a_job_that_fails_is_tried_again_named_and_never_passes(sweep_file, tmp_path):
    folder = tmp_path / "failing"
    sweep_file = tmp_path / "failing.toml"
    sweep_file.write_text(SWEEP.replace("steps = 1600", "steps = 400"))
    # A file where the second job's run would be: it cannot begin.
    (folder / "jobs" / JOBS[1]).mkdir(parents=True)
    status, output = run_script("sweep.py", sweep_file, "--output", folder)
    assert (status, "exists and holds no sweep" in output) == (2, True)

    (folder / "jobs" / JOBS[1]).rmdir()
    (folder / "jobs").rmdir()
    process = run_script("sweep.py", sweep_file, "--output", folder, "--shard", "0/2")
    assert process[0] == 0, process[1]
    broken = folder / "jobs" / JOBS[1]
    broken.mkdir()
    (broken / "config.toml").write_text(loading.to_toml(read_plan(folder).jobs[1].config))
    (broken / "run.json").write_text("{}")  # damaged: a run cannot go on
    status, output = run_script("sweep.py", sweep_file, "--output", folder, "--retries", 1)
    assert status == 1
    damaged = f"{broken / 'run.json'}: is damaged; restore it, or delete it to lose nothing but the list of sessions"
    assert f"{JOBS[1]}: {damaged}; trying again" in output
    found = json.loads((folder / "status" / f"{JOBS[1]}.json").read_text())
    assert (found["state"], found["attempts"], found["error"]) == ("failed", 2, damaged)
    assert "Traceback" in found["details"]
    table = output[output.index("jobs that are not finished") :]
    assert JOBS[1] in table
    assert "2 times" in table
    assert JOBS[0] not in table

    status, output = run_script("sweep.py", sweep_file, "--output", folder, "--retries", 1)
    assert status == 1
    assert "failed 2 times before; more --retries would try it again" in output
    (broken / "run.json").unlink()
    status, output = run_script("sweep.py", sweep_file, "--output", folder, "--retries", 2)
    assert status == 0, output


@pytest.fixture
def short(sweep_file, tmp_path):
    """Return a sweep's file and folder, and its first job, of one round."""
    file, folder = tmp_path / "short.toml", tmp_path / "short"
    file.write_text(SWEEP.replace("steps = 1600", "steps = 400"))
    open_folder(read_sweep(file), folder)
    return file, folder, read_plan(folder).jobs[0]


@contextmanager
def trained_by_another_process(job, folder):
    (folder / "status").mkdir(exist_ok=True)
    with locks.hold(folder / "status" / f"{job.name}.lock", job.name):
        yield


@pytest.mark.slow  # it waits whether the other process ends
def test_a_job_that_another_process_trains_is_left_to_it_and_never_passes(short):
    file, folder, job = short
    with trained_by_another_process(job, folder):
        status, output = run_script("sweep.py", file, "--output", folder, "--shard", "0/2")
    assert status == 1
    assert f"{job.name} is in use by process {os.getpid()} on " in output
    assert f"{job.name}: left to whoever trains it" in output
    assert f"trained by process {os.getpid()}" in output[output.index("jobs that are not finished") :].replace(
        "\n", " "
    )
    assert jobs.status(job, folder) == {"state": "waiting"}  # it has not failed


def test_who_trains_a_job_is_known_while_it_does(short):
    _, folder, job = short
    assert jobs.holder(job, folder) is None
    with trained_by_another_process(job, folder):
        assert jobs.holder(job, folder).startswith(f"process {os.getpid()} on ")
    assert jobs.holder(job, folder) is None


def test_a_job_whose_process_ends_without_a_word_has_failed(short):
    _, folder, job = short
    heard = []

    def again(number, exit_status, before):
        ended = local_engine._Try(SimpleNamespace(exitcode=exit_status), job, number, before)
        return local_engine._again(ended, folder, 1, heard.append)

    assert again(1, 1, jobs.status(job, folder))  # as when its status cannot be written
    assert jobs.attempts(job, folder) == 1
    assert heard == [f"{job.name}: its process ended before its time (exit status 1); trying again"]
    before = jobs.status(job, folder)
    jobs.fail(job, folder, "its own words")
    assert not again(2, 1, before)  # it was noted
    assert jobs.attempts(job, folder) == 2
    assert heard[-1] == f"{job.name}: its own words"
    (folder / "status" / f"{job.name}.json").unlink()
    assert not again(2, 1, before)  # a depot that lost what was noted does not make it try forever


def test_a_dry_run_shows_the_plan_and_trains_nothing(sweep_file, tmp_path, monkeypatch):
    # Timed in this process, and less long.
    monkeypatch.setattr("dsjax.sweeps.estimate.apart", lambda function, *arguments: function(*arguments))
    monkeypatch.setattr("dsjax.sweeps.estimate._SECONDS", 0.2)
    status, output = run_command("sweep", sweep_file, "--output", tmp_path / "none", "--dry-run")
    assert status == 0, output
    assert "4 points in 2 jobs, 8 members" in output
    found = r"About \d+ (second|minute)s? on this machine, [12] jobs? at a time: a job trains at [\d,]+ steps/s"
    assert re.search(found, " ".join(output.split()))
    assert not (tmp_path / "none").exists()


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--shard", "3/2"], "error: --shard 3/2: must be i/n"),
        (["--retries", "-1"], "error: --retries -1: must be at least 0"),
        (["--address", "auto"], "error: --address auto: takes --engine ray"),
    ],
)
def test_bad_input_ends_in_one_line(sweep_file, tmp_path, flags, message):
    status, output = run_script("sweep.py", sweep_file, "--output", tmp_path / "out", *flags)
    assert status == 2
    assert message in output
    assert len(output.strip().splitlines()) == 1


def test_a_system_without_sessions_is_refused(monkeypatch, tmp_path):
    monkeypatch.delattr("os.setsid")
    with pytest.raises(RunError, match="takes Linux or macOS"):
        local_engine.run([], tmp_path, 0, print)


def test_jobs_on_a_gpu_come_one_after_the_other(monkeypatch):
    monkeypatch.setattr(local_engine, "cores", lambda: 8)
    base = {"episodes": 0, "steps": 10, "environment": {"workers": 1, "backend": "jax"}}
    waiting = make_plan(Sweep(base=base, grid={"learning.optimizer": ["sgd", "adam"]}), "mine").jobs
    assert local_engine.slots(waiting) == 2
    monkeypatch.setattr(local_engine, "gpu", lambda: "cuda")
    assert local_engine.slots(waiting) == 1
