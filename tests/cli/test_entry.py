import os
import shlex
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from helpers import ROOT, run_command, run_script, start_script

from dsjax.cli import entry
from dsjax.errors import ConfigError, RunError

SCRIPTS = sorted(path.name for path in (ROOT / "scripts").glob("*.py"))
HEAVY = ("jax", "optax", "gymnasium", "Box2D", "orbax", "matplotlib", "scipy", "ray", "envpool", "fsspec")


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (ConfigError("members = 0: too few"), "error: members = 0: too few\n"),
        (RunError("runs/x[/]: there is no run here"), "error: runs/x[/]: there is no run here\n"),
        (OSError(28, "No space left on device", "a/b.png"), "error: a/b.png: the disk is full; free some space, then"),
        (
            PermissionError(13, "Permission denied", "a"),
            "error: a: cannot be written: Permission denied; choose another",
        ),
        (IsADirectoryError(21, "Is a directory", "a"), "error: a: Is a directory\n"),
    ],
)
def test_what_a_user_can_mend_is_one_line(error, message, capsys):
    def main():
        raise error

    with pytest.raises(SystemExit) as ended:
        entry.run(main)
    assert ended.value.code == 2
    said = capsys.readouterr().err
    assert said.startswith(message)
    assert said.count("\n") == 1


def test_a_fault_of_the_program_keeps_its_traceback():
    def main():
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        entry.run(main)


@pytest.mark.parametrize("folder", ["runs/plain", "it's", "a b", "$HOME", "x[1]*?", "-dash", "räume"])
def test_the_next_command_reaches_the_script_as_it_was_called(folder, monkeypatch, tmp_path):
    """A shell where the user stands runs it: as `.venv/bin/python scripts/train.py` was, without an activated venv."""
    monkeypatch.setattr(sys, "orig_argv", [sys.executable, "scripts/train.py"])
    monkeypatch.setattr(sys, "argv", ["scripts/train.py"])
    (tmp_path / "scripts").mkdir()
    (tmp_path / "scripts" / "evaluate.py").write_text("import sys; print(sys.argv)")
    command = entry.next_command("evaluate", Path(folder), "--episodes", 100)
    done = subprocess.run(["sh", "-c", command], cwd=tmp_path, capture_output=True, text=True, check=True)
    path = f"./{folder}" if folder.startswith("-") else folder
    assert done.stdout.strip() == str(["scripts/evaluate.py", path, "--episodes", "100"])


@pytest.mark.parametrize(
    ("argv", "command"),
    [
        (["/opt/bin/dsjax", "train"], "/opt/bin/dsjax evaluate runs/a"),
        (["/opt/dsjax/__main__.py", "train"], "python -m dsjax evaluate runs/a"),
        (["scripts/train.py"], "python scripts/evaluate.py runs/a"),
    ],
)
def test_the_next_command_is_called_as_this_one_was(argv, command, monkeypatch):
    monkeypatch.setattr(sys, "orig_argv", ["python", *argv])
    monkeypatch.setattr(sys, "argv", argv)
    assert entry.next_command("evaluate", Path("runs/a")) == command
    monkeypatch.setattr("shutil.which", lambda name: "/opt/bin/dsjax")
    assert entry.next_command("evaluate", Path("runs/a")) == command.replace("/opt/bin/", "")


@pytest.mark.parametrize("name", SCRIPTS)
def test_help_loads_nothing_that_it_does_not_need(name):
    """`--help` answers within a second: jax alone takes longer to load."""
    code = (
        f"import sys, runpy\nsys.argv = [{name!r}, '--help']\n"
        f"try:\n    runpy.run_path({str(ROOT / 'scripts' / name)!r}, run_name='__main__')\n"
        f"except SystemExit as ended:\n    assert not ended.code\n"
        f"print([m for m in {HEAVY!r} if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert done.stdout.splitlines()[-1] == "[]"


@pytest.mark.parametrize("after", [0.15, 0.4, 0.8, 1.5, 2.5])
def test_ctrl_c_while_a_script_starts_leaves_no_traceback(tmp_path, after):
    process = start_script("train.py", "--output", tmp_path / "run", "--members", 2, "--evaluation.every", 0)
    time.sleep(after)
    os.killpg(process.pid, signal.SIGINT)
    output, _ = process.communicate(timeout=60)
    assert process.returncode == 130, output
    assert "Traceback" not in output


def test_a_backend_that_a_notebook_left_is_not_taken(small_runs, tmp_path, monkeypatch):
    monkeypatch.setenv("MPLBACKEND", "module://absent.backend")
    status, output = run_command("plot", small_runs / "a", "--output", tmp_path)
    assert status == 0, output


@pytest.mark.parametrize("command", ["plot", "compare"])
def test_a_full_disk_is_one_line(small_runs, small_disk, command):
    disk = small_disk("16k")
    status, output = run_command(command, small_runs / "a", "--output", disk / "figures")
    assert status == 2
    last = output.strip().splitlines()[-1]
    assert last.startswith(f"error: {disk}") and "the disk is full; free some space, then try again" in last
    assert "Traceback" not in output


def test_a_platform_that_is_not_there_is_one_line(tmp_path, monkeypatch):
    monkeypatch.setenv("JAX_PLATFORMS", "cuda")
    status, output = run_script("train.py", "--output", tmp_path / "run")
    assert status == 2
    assert "error: JAX_PLATFORMS=cuda: there is no such device here" in output
    assert "Traceback" not in output
    assert not (tmp_path / "run").exists()


def test_a_reader_that_has_seen_enough_ends_a_script_quietly(small_runs):
    command = f"{shlex.quote(sys.executable)} scripts/curve.py {small_runs / 'a'} | true"
    done = subprocess.run(["bash", "-c", f"sleep 0; {command}"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert "Traceback" not in done.stderr


@pytest.mark.slow
def test_a_name_is_shown_as_it_is_wherever_it_is_shown(small_runs, tmp_path):
    """On the terminal, in figures, tables, CSV and HTML: rich, TeX, Markdown and HTML each have signs of their own."""
    run = tmp_path / '<b>&"x" [red]$m$|_y'
    shutil.copytree(small_runs / "c", run)
    for command, shown in (("compare", f"In {run / 'figures'}:"), ("plot", str(run)), ("curve", str(run))):
        status, output = run_command(command, run)
        assert status == 0, output
        assert "".join(shown.split()) in "".join(output.split())
    options = ("--by", "seed", "--labels", "_[x]|$y$<i>", "--output", tmp_path)
    status, output = run_command("compare", run, small_runs / "a", *options)
    assert status == 0, output
    assert "_[x]|$y$<i>" in output
    assert r"| \_\[x\]\|$y$\<i\> |" in (tmp_path / "groups.md").read_text()
    assert "_[x]|$y$<i>" in (tmp_path / "groups.csv").read_text()
    status, output = run_command("report", run, "--output", tmp_path / "report.html")
    assert status == 0, output
    page = (tmp_path / "report.html").read_text()
    assert "&lt;b&gt;&amp;&#34;x&#34; [red]$m$|_y" in page
    assert "<b>&" not in page
