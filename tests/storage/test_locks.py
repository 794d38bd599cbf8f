import os
import re
import signal
import subprocess
import sys
import threading

import pytest

from dsjax.storage import locks
from dsjax.storage.locks import Busy

HOLD = """
import sys, time
from pathlib import Path
from dsjax.storage import locks
with locks.hold(Path(sys.argv[1]), "it"):
    print("held", flush=True)
    time.sleep(60)
"""


@pytest.fixture
def other(tmp_path):
    """Another process that holds a lock."""
    process = subprocess.Popen([sys.executable, "-c", HOLD, str(tmp_path / ".lock")], stdout=subprocess.PIPE, text=True)
    assert process.stdout.readline() == "held\n"
    yield process
    process.kill()
    process.communicate()


def test_one_process_holds_a_lock_and_is_named(tmp_path, other):
    assert re.fullmatch(rf"process {other.pid} on \S+, since \d{{4}}-.*", locks.holder(tmp_path / ".lock"))
    with pytest.raises(Busy, match=rf"^runs/x is in use by process {other.pid} on .*; wait for it, or end it$"):
        locks.hold(tmp_path / ".lock", "runs/x").__enter__()


def test_a_killed_process_holds_nothing(tmp_path, other):
    os.kill(other.pid, signal.SIGKILL)
    other.wait()
    assert locks.holder(tmp_path / ".lock") is None
    with locks.hold(tmp_path / ".lock", "it"):
        assert f"process {os.getpid()} on" in (locks.holder(tmp_path / ".lock") or "")
    assert locks.holder(tmp_path / ".lock") is None


def test_threads_of_one_process_exclude_each_other(tmp_path):
    came = []

    def second():
        try:
            locks.hold(tmp_path / ".lock", "it").__enter__()
        except Busy as error:
            came.append(error)

    with locks.hold(tmp_path / ".lock", "it"):
        thread = threading.Thread(target=second)
        thread.start()
        thread.join()
    assert len(came) == 1


def test_patience_waits_for_the_holder(tmp_path):
    release = threading.Event()

    def first():
        with locks.hold(tmp_path / ".lock", "it"):
            release.wait()

    thread = threading.Thread(target=first)
    thread.start()
    while locks.holder(tmp_path / ".lock") is None:
        pass
    threading.Timer(0.3, release.set).start()
    with locks.hold(tmp_path / ".lock", "it", patience=10):
        pass
    thread.join()


def test_an_error_inside_lets_go(tmp_path):
    with pytest.raises(ZeroDivisionError), locks.hold(tmp_path / ".lock", "it"):
        raise ZeroDivisionError
    assert locks.holder(tmp_path / ".lock") is None
