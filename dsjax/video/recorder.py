"""From walkers' pictures to files: gymnasium's `RecordVideo`, whose pictures go to ffmpeg as they come."""

import shutil
import subprocess
import sys

import imageio_ffmpeg
from gymnasium.wrappers.vector import RecordVideo

from dsjax.errors import RunError

_STEPS_PER_SECOND = 50  # BipedalWalker's own pace
# H.264 that every player and browser shows, and starts to show before it has all of the file.
_MP4 = "-c:v libx264 -crf 18 -pix_fmt yuv420p -movflags +faststart -f mp4"
# A GIF has a palette of its own, and mixes no colors from dots: flat areas stay flat, and the file small.
_GIF = (
    "fps={fps},scale='min(960,iw)':-2:flags=area,"
    "split[a][b];[a]palettegen=max_colors=64[p];[b][p]paletteuse=dither=none:diff_mode=rectangle"
)
_GIF_FPS = 12.5  # at most: a GIF grows with every picture


class Camera(RecordVideo):
    """gymnasium's recorder of vector envs, for one film.

    Kept until the end, as gymnasium's are, the pictures of 16 walkers would fill gigabytes; and the clock of its
    MoviePy leaves out some and doubles others.
    """

    def __init__(self, tiles, path, shape, fps):
        """Begin a film.

        Args:
          tiles: tiles.Tiles of rows times columns walkers.
          path: of the MP4 to write.
          shape: rows and columns of tiles in the picture, no more rows than columns.
          fps: pictures per second, a divisor of 50.

        Raises:
          RunError: there is no ffmpeg that can be started.
        """
        width, height = tiles.tile[0] * shape[1], tiles.tile[1] * shape[0]
        # gymnasium arranges tiles by the proportions of the whole. It makes a folder, for files that it never writes.
        super().__init__(
            tiles, str(path.with_suffix("")), (width, height), episode_trigger=lambda episode: False, fps=fps,
            video_length=sys.maxsize,
        )  # fmt: skip
        self._every = _STEPS_PER_SECOND // fps
        pictures = f"-f rawvideo -pix_fmt rgb24 -s {width}x{height} -r {fps} -i -"
        self._ffmpeg = _start(*pictures.split(), *_MP4.split(), path)
        self.start_recording(path.stem)

    @property
    def steps(self):
        """Steps taken so far."""
        return self.step_id + 1

    def reset(self, *, seed=None, options=None):
        """Begin the episodes, and picture their start."""
        outcome = super().reset(seed=seed, options=options)
        self._hand_over()
        return outcome

    def step(self, actions):
        """Step the walkers; picture one step in a few."""
        self.recording = (self.steps + 1) % self._every == 0
        outcome = super().step(actions)
        self._hand_over()
        return outcome

    def close(self, **kwargs):
        """End the film.

        Raises:
          OSError: it could not be written.
        """
        self.recording = False  # gymnasium has nothing left to write
        super().close(**kwargs)
        _finish(self._ffmpeg)

    def _hand_over(self):
        for picture in self.recorded_frames:
            try:
                self._ffmpeg.stdin.write(picture)
            except BrokenPipeError:
                _finish(self._ffmpeg)  # which knows why
        self.recorded_frames.clear()


def to_gif(film, path, fps):
    """Write the GIF of a film that has so many pictures per second.

    Raises:
      OSError: it could not be written.
    """
    _finish(_start("-i", film, "-vf", _GIF.format(fps=min(fps, _GIF_FPS)), "-f", "gif", path))


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


def _start(*arguments):
    command = [find_ffmpeg(), "-loglevel", "error", "-y", *map(str, arguments)]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)


def _finish(process):
    """Wait for ffmpeg, and raise OSError if it failed."""
    _, said = process.communicate()
    if process.returncode:
        raise OSError(f"ffmpeg: {(said.decode().strip().splitlines() or ['failed'])[-1]}")
