import pytest
from helpers import run_command
from PIL import Image

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
