"""Sweeps on a real Ray cluster of two nodes on this machine, where Ray is installed; `-m 'not ray'` leaves them out."""

import importlib.util
import shutil
import subprocess
import sys
import tempfile

import psutil
import pytest
from helpers import JOBS, ROOT, assert_same_sweep, last_holder, run_script, start_script, wait_until

from dsjax.sweeps import jobs
from dsjax.sweeps.plan import read_plan

pytestmark = [
    pytest.mark.ray,
    pytest.mark.slow,
    pytest.mark.skipif(not importlib.util.find_spec("ray"), reason="Ray is not installed; pip install 'dsjax[ray]'"),
]


@pytest.fixture(scope="module", autouse=True)
def ray_files():
    """Keep Ray's files apart, so that it meets no other Ray of this machine, and leaves nothing."""
    # Names of sockets may have 107 letters, which pytest's folders take up.
    with tempfile.TemporaryDirectory(dir="/tmp", prefix="ray-") as folder, pytest.MonkeyPatch.context() as patch:
        patch.setenv("RAY_TMPDIR", folder)
        patch.setenv("RAY_AUTH_MODE", "disabled")  # a token would be kept in the home folder
        yield


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
        made = psutil.Process(self._host.pid).children(recursive=True)
        self._host.communicate(timeout=60)
        for process in psutil.wait_procs(made, timeout=10)[1]:
            process.kill()  # one that a failed test holds


@pytest.fixture
def cluster():
    made = Cluster()
    yield made
    made.close()


def rounds(job, folder):
    return len(list((job.folder(folder) / "episodes").glob("*.parquet")))


def hold(todo, folder, process):
    """Stop jobs in the middle: each process as soon as it has done a round. Return the processes by job."""
    before, held = {job.name: rounds(job, folder) for job in todo}, {}

    def all_held():
        for job in todo:
            if job.name not in held and rounds(job, folder) > before[job.name]:
                held[job.name] = psutil.Process(last_holder(folder, job.name))
                held[job.name].suspend()
        return len(held) == len(todo)

    wait_until(all_held, process)
    return held


def test_a_worker_and_then_a_node_are_killed_and_the_sweep_equals_a_local_one(cluster, whole, sweep_file, tmp_path):
    folder, todo = tmp_path / "sweep", read_plan(whole).jobs
    flags = ("--output", folder, "--engine", "ray", "--address", cluster.address)
    process = start_script("sweep.py", sweep_file, *flags)
    held = hold(todo, folder, process)
    [lost] = [job for job in todo if held[job.name].ppid() == cluster.second_node]
    first = held.pop(lost.name)
    [(other, undisturbed)] = held.items()
    first.kill()
    [second] = hold([lost], folder, process).values()  # Ray tries again, and the job goes on
    assert second.ppid() == cluster.second_node  # as the other node's core is taken
    assert rounds(lost, folder) < 4
    cluster.lose_second_node()
    second.kill()  # as a machine that is lost takes all with it
    undisturbed.resume()
    output, _ = process.communicate(timeout=300)
    assert process.returncode == 0, output
    assert len({first.pid, second.pid, last_holder(folder, lost.name)}) == 3
    assert all(f"{name}    0%" in output for name in JOBS)  # progress comes to this terminal, from whatever machine
    assert f"{other}  100%" in output
    assert all(f"{name}: finished" in output for name in JOBS)
    assert "\x1b" not in output  # Ray's colors are for terminals
    assert [jobs.status(job, folder)["state"] for job in todo] == ["finished"] * 2
    assert_same_sweep(whole, folder)


def test_a_job_that_keeps_failing_is_named_and_never_passes(whole, sweep_file, tmp_path):
    """On Ray that the sweep starts itself."""
    folder = tmp_path / "sweep"
    shutil.copytree(whole, folder)
    job = read_plan(folder).jobs[1]
    (folder / "status" / f"{job.name}.json").unlink()
    (job.folder(folder) / "run.json").write_text("{}")  # damaged: a run cannot go on
    flags = ("--output", folder, "--engine", "ray", "--retries", 1)
    status, output = run_script("sweep.py", sweep_file, *flags)
    assert status == 1
    assert f"{JOBS[0]}: finished before" in output
    found = jobs.status(job, folder)
    assert found["attempts"] == 2
    assert "run.json: is damaged; restore it, or delete it" in found["error"]
    assert "is damaged" in output[output.index("jobs that are not finished") :]


def test_an_absent_cluster_is_said(sweep_file, tmp_path):
    flags = ("--output", tmp_path / "out", "--engine", "ray", "--address", "127.0.0.1:1")
    status, output = run_script("sweep.py", sweep_file, *flags)
    assert status == 2
    assert "error: --address 127.0.0.1:1: " in output
