import io
import re
import subprocess
from functools import partial

import imageio_ffmpeg
import numpy as np
import pytest
from gymnasium.vector import SyncVectorEnv
from helpers import run_command
from rich.console import Console

from dsjax.config import loading
from dsjax.envs import bipedal
from dsjax.errors import RunError
from dsjax.evaluation.score import score_run
from dsjax.training.trainer import Trainer
from dsjax.video import films
from dsjax.video.films import film_run
from dsjax.video.tiles import Tiles, grid

LAST = 50  # steps for which a film dwells on its end


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("video") / "run"
    # Members of this seed fall early: their films are short.
    settings = {"members": 3, "seed": 10, "steps": 120, "round_steps": 120, "evaluation": {"every": 0}}
    Trainer(loading.build(settings), folder).run()
    return folder


@pytest.fixture(scope="module")
def scores(run):
    """Return the rows that scoring has for the same episodes."""
    return score_run(run, episodes=3).table.to_pylist()


def film_all(run, output, **options):
    return film_run(run, output=output, **options, console=Console(file=io.StringIO()))


def pictures(path):
    """Return all pictures of a film, (T, height, width, 3)."""
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-i", path, "-f", "rawvideo", "-pix_fmt", "rgb24", "-"]
    done = subprocess.run(command, capture_output=True, check=True)
    width, height = map(int, re.search(r"Video: .*?, (\d+)x(\d+)", done.stderr.decode()).groups())
    return np.frombuffer(done.stdout, np.uint8).reshape(-1, height, width, 3).astype(np.int16)


def test_a_film_is_named_by_the_score_and_shows_every_step_of_the_episode(run, scores, tmp_path):
    score = scores[0]
    assert (score["member"], score["terrain"]) == (0, 0)
    [path] = film_all(run, tmp_path, members=(0,), fps=50).paths
    assert path.name == f"return{score['return']:+06.1f}-run-round1-member0-terrain000.mp4"
    shown = pictures(path)
    assert len(shown) == score["length"] + 1 + LAST
    assert shown.shape[1:] == (302, 660, 3)
    changes = np.abs(np.diff(shown, axis=0))
    assert changes[: score["length"]].max(axis=(1, 2, 3)).min() > 20  # none is doubled
    assert changes[score["length"] :].mean() < 0.5  # the end stands still
    assert list(tmp_path.iterdir()) == [path]


def test_only_episodes_that_reach_the_return_are_filmed_best_first(run, scores, tmp_path):
    returns = sorted((row["return"] for row in scores), reverse=True)
    filmed = film_all(run, tmp_path, episodes=3, min_return=returns[1], max_steps=10, fps=10)
    assert [episode.total for episode in filmed.episodes] == returns
    assert [path.name.split("-run")[0] for path in filmed.paths] == [f"return{value:+06.1f}" for value in returns[:2]]
    assert all(path.name.endswith("-10steps.mp4") for path in filmed.paths)
    assert all(len(pictures(path)) == 10 // 5 + 1 for path in filmed.paths)


def test_a_grid_shows_members_side_by_side_until_the_last_one_is_over(run, scores, tmp_path):
    mine = [row for row in scores if row["terrain"] == 0 and row["member"] != 1]
    best = max(row["return"] for row in mine)
    [path] = film_all(run, tmp_path, grid=True, members=(0, 2)).paths
    assert path.name == f"return{best:+06.1f}-run-round1-member0+2-terrain000.mp4"
    shown = pictures(path)
    lengths = [row["length"] for row in mine]
    assert lengths[0] < lengths[1]
    assert shown.shape == ((lengths[1] + LAST) // 2 + 1, 294, 1280, 3)
    first, other = np.split(shown[lengths[0] // 2 + 2 : lengths[1] // 2], 2, axis=2)
    assert np.abs(first - first[0]).mean() < 0.5  # it has fallen, and lies still
    assert np.abs(np.diff(other, axis=0)).max() > 100
    assert np.median(first[0, :20], axis=(0, 1)).argmax() == 0  # under a red caption


def test_a_gif_has_half_of_the_pictures(run, tmp_path):
    filmed = film_all(run, tmp_path, members=(0,), formats=("gif", "mp4"), max_steps=40)
    gif, film = (pictures(path) for path in filmed.paths)
    assert [path.suffix for path in filmed.paths] == [".gif", ".mp4"]
    assert abs(len(gif) - len(film) / 2) <= 1
    assert np.abs(gif[0] - film[0]).mean() < 4


def test_what_is_there_is_kept(run, tmp_path):
    options = {"members": (0,), "max_steps": 10}
    [path] = film_all(run, tmp_path, **options).paths
    path.write_text("mine")
    again = film_all(run, tmp_path, **options, formats=("mp4", "gif"))
    assert (again.kept, path.read_text()) == ([path], "mine")
    assert again.paths == [path, path.with_suffix(".gif")]
    assert len(pictures(again.paths[1])) > 1


def test_what_was_filmed_must_be_what_was_played(run, tmp_path, monkeypatch):
    def other(*arguments, **options):
        columns = play(*arguments, **options)
        return columns | {"return": [value + 1 for value in columns["return"]]}

    play = films.play
    monkeypatch.setattr(films, "play", other)
    with pytest.raises(RunError, match=r"member 0 returned .* when filmed, but .* before"):
        film_all(run, tmp_path, members=(0,), fps=10)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"members": (7,)}, "has no member 7; its members are 0 to 2"),
        ({"snapshot": "9"}, "no snapshot of round 9; there are: 0, 1"),
        ({"episodes": 0}, "--episodes 0: at least 1 is needed"),
        ({"max_steps": 0}, "--max-steps 0: at least 1 is needed"),
    ],
)
def test_what_is_not_there_is_said(run, tmp_path, options, message):
    with pytest.raises(RunError, match=message):
        film_all(run, tmp_path / "none", **options)
    assert not (tmp_path / "none").exists()


def test_a_folder_that_cannot_be_written_is_said(run, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(RunError, match="cannot write films there"):
        film_all(run, tmp_path / "file", members=(0,), max_steps=5)


def test_a_disk_too_small_leaves_nothing_behind(run, small_disk):
    disk = small_disk("64k")
    with pytest.raises(RunError, match="cannot write films there: ffmpeg wrote 0 of "):
        film_all(run, disk / "videos", members=(0, 1, 2), grid=True, max_steps=100)
    assert not list((disk / "videos").iterdir())


def test_numbers_that_follow_on_each_other_are_joined():
    assert films._spans([0, 1, 2, 3, 7, 9, 10]) == ["0to3", "7", "9to10"]


def test_a_grid_has_room_and_no_more_rows_than_columns():
    for count in range(1, 70):
        rows, columns = grid(count)
        assert rows <= columns
        assert (rows - 1) * columns < count <= rows * columns


def test_tiles_are_legible_and_even_for_any_number_of_members():
    for count in (1, 2, 5, 16, 32):
        rows, columns = grid(count)
        walkers = [partial(bipedal.make, "BipedalWalker-v3", "rgb_array")] * (rows * columns)
        tiles = Tiles(SyncVectorEnv(walkers), [f"member {m} · terrain 0" for m in range(count)])
        assert tiles.tile[0] % 2 == tiles.tile[1] % 2 == 0
        assert tiles.tile[0] * columns <= 1280
        assert tiles._font.size >= 10
        tiles.close()


def test_the_script_says_what_it_filmed_and_what_it_did_not(run, tmp_path):
    output = tmp_path / "videos"
    flags = [run, "--output", output, "--member", 1, "--max-steps", 20]
    status, said = run_command("record", *flags)
    assert status == 0, said
    [path] = output.iterdir()
    assert str(path) in said
    assert "MoviePy" not in said
    status, said = run_command("record", *flags, "--min-return", 300)
    assert status == 1
    [best] = film_run(run, members=(1,), min_return=300).episodes
    assert "No episode reached a return of 300; the best of 1 returned" in said
    assert f"returned {best.total:.1f}: run member 1 on terrain 0" in said


@pytest.mark.parametrize(
    ("flags", "status", "message"),
    [
        (["--snapshot", "newest"], 2, "error: --snapshot newest: must be latest, best or one of 0, 1"),
        (["--formats", "avi"], 2, "avi"),
        (["--fps", "30"], 2, "30"),
    ],
)
def test_bad_flags_end_in_a_message(run, flags, status, message):
    done = run_command("record", run, *flags)
    assert done[0] == status
    assert message in done[1]
    assert "Traceback" not in done[1]


def test_a_run_that_does_not_exist_is_one_line(tmp_path):
    status, said = run_command("record", tmp_path / "absent")
    assert (status, said.strip()) == (2, f"error: {tmp_path / 'absent'}: there is no run here")


def test_a_member_that_swings_its_weights_has_a_film_of_that_name(run, tmp_path):
    [path] = film_all(run, tmp_path, members=(0,), weights="oscillating", max_steps=5).paths
    assert "-oscillating-" in path.name


@pytest.mark.parametrize("missing", ["named", "packaged"])
def test_a_missing_ffmpeg_is_said_before_anything_is_played(run, tmp_path, monkeypatch, missing):
    if missing == "named":
        monkeypatch.setenv("IMAGEIO_FFMPEG_EXE", str(tmp_path / "absent"))
    else:
        monkeypatch.setenv("PATH", str(tmp_path))

        def absent():
            raise RuntimeError("No ffmpeg exe could be found.")

        monkeypatch.setattr(imageio_ffmpeg, "get_ffmpeg_exe", absent)
    with pytest.raises(
        RunError, match=r"^films need ffmpeg, and .* cannot be run: pip install .*imageio-ffmpeg brings"
    ):
        film_run(run, output=tmp_path / "films")
    assert not (tmp_path / "films").exists()
