import os
import signal
import time
from pathlib import Path

import pygame
import pytest
from helpers import run_command, start_script
from PIL import Image

from dsjax.cli import watch
from dsjax.cli.watch import has_display


def test_a_shipped_walker_becomes_a_gif_where_there_is_no_display(tmp_path, monkeypatch):
    for name in ("DISPLAY", "WAYLAND_DISPLAY", "SDL_VIDEODRIVER"):
        monkeypatch.delenv(name, raising=False)
    path = tmp_path / "ambler.gif"
    status, output = run_command("watch", "pretrained:ambler", "--max-steps", 40, "--output", path)
    assert status == 0, output
    assert "mean 324.7, worst 320.6, falls 0%" in output
    with Image.open(path) as picture:
        assert picture.n_frames == 11


def test_a_window_shows_whole_episodes(small_runs, monkeypatch):
    monkeypatch.setenv("SDL_VIDEODRIVER", "dummy")  # a display that shows nothing
    assert has_display()
    status, output = run_command("watch", small_runs / "a", "--member", 1, "--episodes", 2)
    assert status == 0, output
    assert [line.split(":")[0] for line in output.splitlines()[-2:]] == ["terrain 0 of test-v1", "terrain 1 of test-v1"]


def test_closing_the_window_ends_the_command(small_runs, monkeypatch):
    monkeypatch.setenv("SDL_VIDEODRIVER", "dummy")
    captions, events = [], iter([[], [], [], ["closed"]])
    monkeypatch.setattr(pygame.display, "set_caption", captions.append)
    monkeypatch.setattr(pygame.event, "get", lambda kind: next(events))
    status, output = run_command("watch", small_runs / "a")
    assert (status, captions) == (0, ["a member 0 · test-v1"])
    assert output.splitlines()[-1] == "1 episode in a window; close it, or press Ctrl-C, to end."
    assert not pygame.display.get_init()


def test_ctrl_c_ends_the_command_without_a_traceback():
    environment = os.environ | {"SDL_VIDEODRIVER": "dummy"}
    process = start_script("watch.py", "pretrained:ambler", "--episodes", 50, env=environment)
    for line in process.stdout:
        if "Ctrl-C" in line:
            break
    time.sleep(2)
    process.send_signal(signal.SIGINT)
    output, _ = process.communicate(timeout=60)
    assert (process.returncode, output) == (130, "")


def test_a_display_that_cannot_be_reached_gives_a_gif(small_runs, tmp_path, monkeypatch):
    for name in ("WAYLAND_DISPLAY", "SDL_VIDEODRIVER"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("DISPLAY", ":77")
    filmed = []
    monkeypatch.setattr(watch, "_film", lambda *arguments: filmed.append(arguments[-1]))
    status, output = run_command("watch", small_runs / "a", "--member", 1)
    assert (status, filmed) == (0, [Path("videos/a-member1.gif")])
    assert "note: no window: " in output


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--member", 9), "has no member 9"),
        (("--episodes", 0), "at least 1 is needed"),
        (("--output", "film.mp4"), "must end in .gif"),
    ],
)
def test_what_cannot_be_watched_is_said(small_runs, arguments, message):
    status, output = run_command("watch", small_runs / "a", *arguments)
    assert status == 2
    assert message in output
