"""Sweeps on a real Ray cluster of two nodes on this machine, where Ray is installed; `-m 'not ray'` leaves them out."""

import os
import signal
import subprocess
import sys

import psutil
import pytest
from conftest import ROOT, run_script, start_script
from test_local import assert_same_sweep, wait_until

from dsjax import jobs, plan

pytest.importorskip("ray", reason="Ray is not installed; pip install -e '.[ray]'")
pytestmark = [pytest.mark.ray, pytest.mark.slow]

# Two jobs, one per node; long enough to be disturbed.
SWEEP = """
seeds = 2
[base]
episodes = 0
steps = 12000
round_steps = 2000
evaluation.every = 3
evaluation.episodes = 1
environment.backend = "sync"
[grid]
learning.optimizer = ["sgd", "momentum"]
learning.learning_rate = [1e-5, 1e-4]
"""


@pytest.fixture(scope="module")
def sweep_file(tmp_path_factory):
    path = tmp_path_factory.mktemp("cluster") / "small.toml"
    path.write_text(SWEEP)
    return path


@pytest.fixture(scope="module")
def whole(sweep_file):
    """Return the folder of the same sweep, trained on this machine alone."""
    folder = sweep_file.parent / "local"
    status, output = run_script("sweep.py", sweep_file, "--output", folder)
    assert status == 0, output
    return folder


class Cluster:
    """A cluster of two nodes; see `ray_cluster`."""

    def __init__(self):
        command = [sys.executable, str(ROOT / "tests" / "ray_cluster.py")]
        self._host = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        words = next(line.split() for line in self._host.stdout if line.startswith("ready"))
        self.address, self.second_node = words[1], int(words[2])  # the latter by its raylet's process

    def lose_second_node(self):
        self._host.stdin.write("lose\n")
        self._host.stdin.flush()
        assert next(line for line in self._host.stdout if "removed" in line)

    def close(self):
        self._host.communicate(timeout=60)


@pytest.fixture
def cluster():
    made = Cluster()
    yield made
    made.close()


def pid_of(job, folder):
    """Return the process that trains a job; 0 while it is writing that down."""
    words = (folder / "status" / f"{job.name}.lock").read_text().split()
    return int(words[1]) if len(words) == 4 else 0


def rounds(job, folder):
    return len(list((job.folder(folder) / "episodes").glob("*.parquet")))


def parent_of(pid):
    """Return the process that started a worker: its node's raylet."""
    return psutil.Process(pid).ppid()


def test_a_worker_and_then_a_node_are_killed_and_the_sweep_equals_a_local_one(cluster, whole, sweep_file, tmp_path):
    folder = tmp_path / "sweep"
    flags = ("--output", folder, "--engine", "ray", "--address", cluster.address)
    process = start_script("sweep.py", sweep_file, *flags)
    first, second = plan.load(whole).jobs
    wait_until(lambda: rounds(first, folder) >= 1 and rounds(second, folder) >= 1, process)
    worker = pid_of(first, folder)
    os.kill(worker, signal.SIGKILL)
    wait_until(lambda: pid_of(first, folder) not in (0, worker), process)  # Ray tries again, and the job goes on
    assert rounds(first, folder) < 6

    [lost] = [job for job in (first, second) if parent_of(pid_of(job, folder)) == cluster.second_node]
    before = pid_of(lost, folder)
    assert rounds(lost, folder) < 6
    cluster.lose_second_node()
    output, _ = process.communicate(timeout=300)
    assert process.returncode == 0, output
    assert pid_of(lost, folder) not in (0, before)
    assert f"{first.name}  100%" in output  # progress comes to this terminal, from whatever machine
    assert "finished" in output
    assert [jobs.status(job, folder)["state"] for job in (first, second)] == ["finished"] * 2
    assert_same_sweep(whole, folder, [job.name for job in (first, second)])


def test_a_job_that_keeps_failing_is_named_and_never_passes(sweep_file, tmp_path):
    """On Ray that the sweep starts itself."""
    short = tmp_path / "short.toml"
    short.write_text(SWEEP.replace("12000", "2000"))
    flags = ("--output", tmp_path / "out", "--engine", "ray", "--retries", 1)
    status, output = run_script("sweep.py", short, *flags, "--shard", "0/2")
    assert status == 0, output
    [job] = plan.load(tmp_path / "out").shard("1/2").jobs
    job.folder(tmp_path / "out").mkdir()
    (job.folder(tmp_path / "out") / "config.toml").write_text("")
    (job.folder(tmp_path / "out") / "run.json").write_text("{}")  # damaged: a run cannot go on
    status, output = run_script("sweep.py", short, *flags)
    assert status == 1
    found = jobs.status(job, tmp_path / "out")
    assert (found["attempts"], found["error"]) == (2, "KeyError: 'sessions'")
    assert "KeyError: 'sessions'" in output[output.index("jobs that are not finished") :]


def test_an_absent_cluster_is_said(sweep_file, tmp_path):
    flags = ("--output", tmp_path / "out", "--engine", "ray", "--address", "127.0.0.1:1")
    status, output = run_script("sweep.py", sweep_file, *flags)
    assert status == 2
    assert "error: --address 127.0.0.1:1: " in output
