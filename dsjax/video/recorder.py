"""From walkers' pictures to a film: each picture goes to ffmpeg as it comes, through imageio-ffmpeg.

gymnasium's `RecordVideo` keeps all pictures until the end, which for 16 walkers fill gigabytes.
"""

import os
import shutil
import subprocess
from contextlib import suppress
from pathlib import Path
from typing import Any

import imageio_ffmpeg
import numpy as np
from gymnasium.vector import VectorWrapper

from dsjax.errors import RunError
from dsjax.video.tiles import Tiles

_STEPS_PER_SECOND = 50  # BipedalWalker's own pace
# H.264 that every player and browser shows, and starts to show before it has all of the file.
_MP4 = ["-crf", "18", "-movflags", "+faststart", "-f", "mp4"]
# A GIF has a palette of its own, and mixes no colors from dots: flat areas stay flat, and the file small.
_GIF = (
    "fps={fps},scale='min({width},iw)':-2:flags=area,"
    "split[a][b];[a]palettegen=max_colors=64[p];[b][p]paletteuse=dither=none:diff_mode=rectangle"
)
GIF_WIDTH = 960  # [pixel] at most, unless another width is asked for
_GIF_FPS = 12.5  # at most: a GIF grows with every picture


class Recorder(VectorWrapper):
    """A vector env of tiles that films what its walkers do, from a reset on."""

    def __init__(self, tiles: Tiles, path: Path, shape: tuple[int, int], fps: int) -> None:
        """Start a film.

        Args:
          tiles: of rows times columns walkers.
          path: of the MP4 to write.
          shape: rows and columns of tiles in the picture.
          fps: pictures per second, a divisor of 50.

        Raises:
          RunError: there is no ffmpeg that can be started.
        """
        super().__init__(tiles)
        find_ffmpeg()
        self._shape, self._every, self._path = shape, _STEPS_PER_SECOND // fps, path
        self.steps, self._pictures = 0, 0  # so far
        # Else ffmpeg would be started through a fork that runs Python, which JAX's threads do not allow.
        os.environ.setdefault("IMAGEIO_FFMPEG_NO_PREVENT_SIGINT", "1")
        self._film = imageio_ffmpeg.write_frames(
            str(path), (tiles.tile[0] * shape[1], tiles.tile[1] * shape[0]), fps=fps, codec="libx264", quality=None,
            macro_block_size=2, ffmpeg_log_level="error", output_params=_MP4,
        )  # fmt: skip
        self._film.send(None)

    def reset(self, *, seed: Any = None, options: dict[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        """Begin the episodes, and film their start."""
        outcome = super().reset(seed=seed, options=options)
        self._take_picture()
        return outcome

    def step(self, actions: Any) -> tuple[Any, ...]:
        """Step the walkers; film one step in a few."""
        outcome = super().step(actions)
        self.steps += 1
        if self.steps % self._every == 0:
            self._take_picture()
        return outcome

    def close(self, **kwargs: Any) -> None:
        """End the film.

        Raises:
          OSError: it could not be written.
        """
        super().close(**kwargs)
        self._film.close()
        written = 0
        with suppress(RuntimeError):  # a file that is no film
            written, _ = imageio_ffmpeg.count_frames_and_secs(str(self._path))
        if written != self._pictures:
            raise OSError(f"ffmpeg wrote {written} of {self._pictures} pictures; is the disk full?")

    def _take_picture(self) -> None:
        rows, columns = self._shape
        tiles: Any = self.env.render()
        picture = np.block([[[tiles[row * columns + column]] for column in range(columns)] for row in range(rows)])
        try:
            self._film.send(np.ascontiguousarray(picture))
        except OSError as error:  # with ffmpeg's command and all that it said
            raise OSError(f"ffmpeg: {(str(error).strip().splitlines() or ['failed'])[-1]}") from None
        self._pictures += 1


def size_of(film: Path) -> tuple[int, int]:
    """Return the width and height of a film [pixel]."""
    reader = imageio_ffmpeg.read_frames(str(film))
    width, height = next(reader)["size"]
    reader.close()
    return width, height


def to_gif(film: Path, path: Path, fps: int, width: int = GIF_WIDTH) -> None:
    """Write the GIF of a film that has so many pictures per second, at most so wide [pixel].

    Raises:
      OSError: it could not be written.
    """
    options = ["-vf", _GIF.format(fps=min(fps, _GIF_FPS), width=width), "-f", "gif"]
    command = [find_ffmpeg(), "-loglevel", "error", "-y", "-i", str(film), *options, str(path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise OSError(f"ffmpeg: {(done.stderr.strip().splitlines() or ['failed'])[-1]}")


def find_ffmpeg() -> str:
    """Return the path of ffmpeg.

    Raises:
      RunError: there is none that can be run.
    """
    try:
        path = imageio_ffmpeg.get_ffmpeg_exe()
    except RuntimeError:  # neither in its package nor on this machine
        path = "ffmpeg"
    if not shutil.which(path):
        raise RunError(
            f"films need ffmpeg, and {path} cannot be run: pip install --force-reinstall imageio-ffmpeg brings one; or "
            f"name one in IMAGEIO_FFMPEG_EXE"
        )
    return path
