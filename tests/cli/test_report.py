import socket
import time

import pytest
from helpers import interrupt, run_command, serve, start_script, wait_until

PHONE = {"width": 375, "height": 812}
# Rounds of about a second, each evaluated, until it is interrupted.
GROWING = (
    "--members", 2, "--steps", 10_000_000, "--episodes", 0, "--round-steps", 300, "--backend", "sync",
    "--evaluation.every", 1, "--evaluation.episodes", 1, "--synapse.center-range", 6.0, "--seed", 29,
)  # fmt: skip


def until(tab, condition, seconds=120):
    """Wait for a condition in the page, whose own rules forbid to evaluate texts there again and again."""
    last = time.monotonic() + seconds
    while not tab.evaluate(condition):
        assert time.monotonic() < last, (condition, tab.inner_text("#status"))
        time.sleep(0.1)


@pytest.mark.slow
def test_the_page_keeps_current_while_a_run_goes_on(browser, tmp_path):
    run = tmp_path / "run"
    training = start_script("train.py", *GROWING, "--output", run)
    wait_until((run / "config.toml").exists, training)
    server, url = serve("report.py", run, "--serve")
    tab = browser.new_page(viewport=PHONE)
    faults = []
    tab.on("pageerror", lambda error: faults.append(str(error)))
    tab.on("console", lambda message: faults.append(message.text))
    tab.goto(url)
    until(tab, "document.querySelector('#figures')")  # whether or not it had to wait
    until(tab, "document.querySelector('video')?.readyState >= 2")
    assert "Still training. Last updated" in tab.inner_text("#status")
    assert tab.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
    assert "the best of the latest evaluated snapshot" in tab.inner_text("#film figcaption")
    # A reader looks at a table, moved aside, with a config open.
    tab.evaluate("document.querySelector('details[id^=config]').open = true")
    tab.evaluate("document.querySelector('#members').scrollIntoView()")
    tab.evaluate("document.querySelector('#members-table').scrollLeft = 50")
    top = tab.evaluate("document.querySelector('#members').getBoundingClientRect().top")
    cells = "[...document.querySelectorAll('#members-table td')].map(cell => cell.innerText).join()"
    before, film = tab.evaluate(cells), tab.inner_text("#film figcaption")
    until(tab, f"{cells} !== {before!r}")
    until(tab, f"document.querySelector('#film figcaption').innerText !== {film!r}")
    moved = tab.evaluate("document.querySelector('#members').getBoundingClientRect().top") - top
    assert abs(moved) <= 1, tab.inner_text("#status")
    assert tab.evaluate("document.querySelector('#members-table').scrollLeft") == 50
    assert tab.evaluate("document.querySelector('details[id^=config]').open")
    interrupt(training)
    until(tab, "/Not training: finished, or interrupted/.test(document.body.innerText)")
    assert faults == []
    assert interrupt(server) == (0, "ending\n")
    until(tab, "/The server does not answer any more/.test(document.body.innerText)")
    tab.close()


@pytest.mark.slow
def test_a_run_that_has_no_round_yet_shows_a_waiting_page(browser, small_runs, tmp_path):
    (tmp_path / "config.toml").write_text((small_runs / "a" / "config.toml").read_text())
    server, url = serve("report.py", tmp_path, "--serve")
    tab = browser.new_page(viewport=PHONE)
    tab.goto(url)
    assert "Waiting for the end of the first round" in tab.inner_text("main")
    until(tab, "/Not training: no round is done yet/.test(document.body.innerText)")
    tab.close()
    assert interrupt(server) == (0, "ending\n")


def test_a_taken_port_is_one_line(small_runs):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        status, output = run_command("report", small_runs / "a", "--serve", "--port", port)
    assert (status, output) == (
        2, f"error: --port {port}: another process uses it; choose another, or 0 for any that is free\n"
    )  # fmt: skip


@pytest.mark.parametrize(
    ("flags", "told"),
    [
        (["--port", 8000], "--port 8000: goes with --serve"),
        (["--serve", "--output", "x.html"], "--output x.html: --serve writes no file; leave one of them out"),
        (["--serve", "--port", 70000], "--port 70000: must be 0 to 65535; 0 takes any that is free"),
    ],
)
def test_flags_that_do_not_go_together_are_one_line(small_runs, flags, told):
    assert run_command("report", small_runs / "a", *flags) == (2, f"error: {told}\n")


def test_a_run_that_is_not_there_is_one_line(tmp_path):
    told = f"error: {tmp_path / 'none'}: there is no run here\n"
    assert run_command("report", tmp_path / "none", "--serve") == (2, told)
