import time
from pathlib import Path

import numpy as np
import pytest
from helpers import interrupt, last_snapshot, run_command, serve, start_script, until
from PIL import Image

from dsjax.cli.teach import parse_teach
from dsjax.storage.tables import read_table, rounds_of


def pixels(tab, selector, path):
    tab.locator(selector).screenshot(path=path)
    return np.asarray(Image.open(path).convert("RGB")).astype(int)


@pytest.mark.slow
def test_a_walker_is_taught_with_a_keyboard_alone(browser, tmp_path):
    run = tmp_path / "run"
    process, url = serve("teach.py", "--output", run)
    tab = browser.new_page()
    faults = []
    tab.on("pageerror", lambda error: faults.append(str(error)))
    tab.on("console", lambda message: faults.append(message.text))
    tab.goto(url)
    until(lambda: str(run) in tab.inner_text("#status"))
    tab.keyboard.press("t")  # so that punishment is what the task gives, too
    tab.keyboard.down("ArrowUp")
    until(lambda: "held" in tab.get_attribute("#reward", "class"))
    first = pixels(tab, "#walker", tmp_path / "first.png")
    time.sleep(1)
    tab.keyboard.up("ArrowUp")
    moved = pixels(tab, "#walker", tmp_path / "second.png")
    assert (first != moved).any()  # it is drawn, and moves
    chart = pixels(tab, "#weights", tmp_path / "weights.png")
    assert len(np.unique(chart.reshape(-1, 3), axis=0)) > 5
    tab.focus("#punish")
    tab.keyboard.down("Enter")
    time.sleep(0.3)
    tab.keyboard.up("Enter")
    tab.keyboard.press("p")
    until(lambda: "Go on" in tab.inner_text("#pause"))
    time.sleep(0.3)
    still = tab.inner_text("#numbers")
    time.sleep(0.5)
    assert tab.inner_text("#numbers") == still
    tab.keyboard.press("s")
    until(lambda: rounds_of(run, "members") == [1])
    tab.keyboard.press("b")
    tab.keyboard.press("Escape")  # not so
    tab.keyboard.press("b")
    tab.keyboard.press("Tab")
    tab.keyboard.press("Enter")
    until(lambda: "run-2" in tab.inner_text("#status"))
    tab.keyboard.press("p")
    until(lambda: "Pause" in tab.inner_text("#pause"))
    time.sleep(0.5)
    tab.close()
    status, output = interrupt(process)
    assert (status, faults) == (0, []), output
    rows = read_table(run, "lessons", 1).to_pylist()
    given = {(row["given"], row["with_task"]) for row in rows}
    assert given >= {(1.0, True), (0.0, True), (-1.0, True)}
    assert 20 <= sum(row["given"] == 1.0 for row in rows) <= 200  # a second and a bit, of 50 steps each
    assert f"teach.py --output {run} --resume" in output and f"teach.py --output {run}-2 --resume" in output
    for folder in (run, tmp_path / "run-2"):
        status, output = run_command("teach", "--output", folder, "--replay")
        assert status == 0 and "the same to the bit" in output, output


@pytest.mark.slow
def test_a_second_page_and_a_second_process_are_turned_away(browser, tmp_path):
    run = tmp_path / "run"
    process, url = serve("teach.py", "--output", run)
    tab, other = browser.new_page(), browser.new_page()
    tab.goto(url)
    until(lambda: str(run) in tab.inner_text("#status"))
    other.goto(url)
    until(lambda: "being taught in another page" in other.inner_text("#status"))
    tab.keyboard.press("s")
    until(lambda: rounds_of(run, "members") == [1])
    second = start_script("teach.py", "--output", run, "--resume", "--port", 0)
    output, _ = second.communicate(timeout=60)
    assert second.returncode == 2 and output.startswith(f"error: {run} is in use by process {process.pid}"), output
    assert output.count("\n") == 1
    tab.close()
    other.reload()
    until(lambda: str(run) in other.inner_text("#status"))
    other.close()
    # A closed page has saved what was learned, and the walker waits.
    until(lambda: len(rounds_of(run, "members")) >= 3)
    saved = rounds_of(run, "members")
    time.sleep(1)
    assert rounds_of(run, "members") == saved
    assert interrupt(process)[0] == 0
    assert last_snapshot(run)[0] == rounds_of(run, "members")[-1]


def test_a_new_lesson_has_the_config_for_it_wherever_it_begins(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "teach").mkdir()  # which is no config
    for flags in ([], ["--autoresume"]):
        _, train = parse_teach([*flags, "--output", "new"])
        assert (train.settings.members, train.settings.round_steps) == (1, 3000)
    assert parse_teach([])[1].folder == Path("runs") / "teach-seed0"


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (("--members", 2), "--members 2: one walker is taught at a time"),
        (("--tensorboard",), "--tensorboard: does not go with teach"),
        (("--replay", "--steps", 9), "--replay needs the run's folder, and nothing else: --output runs/NAME"),
        (("--replay", "--output", "none"), "none: there is no run here"),
        (("--config", "none"), "none"),
        (("--port", 70000), "--port 70000: must be 0 to 65535"),
    ],
)
def test_what_cannot_be_taught_is_one_line(tmp_path, flags, message):
    status, output = run_command("teach", *flags, *(() if "--output" in flags else ("--output", tmp_path / "run")))
    assert status == 2 and message in output and output.startswith("error: ") and output.count("\n") == 1, output
    assert not (tmp_path / "run").exists()
