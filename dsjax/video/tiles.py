"""Walkers as pictures side by side, each cropped to its walker, under a caption: who, return so far and step."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from gymnasium.vector import SyncVectorEnv, VectorWrapper
from PIL import Image, ImageDraw, ImageFont

from dsjax.envs.task import SPEED, moved, outcome_of

_VIEW = (600, 400)  # [pixel] BipedalWalker's own picture, in which the walker is a fifth from the left
_CROP = (360, 150)  # [pixel] what is shown of it
_ABOVE = 54  # [pixel] from the hull up to the crop's upper edge
_SCALE = 30  # [pixel/m] of the picture
_FOLLOW = 0.08  # share of the hull's rise that the crop follows in a picture: the hull's bobbing stays visible
_WIDEST_TILE = 660  # [pixel]
_WIDTH = 1280  # [pixel] of all tiles side by side, at most
_WALKING, _DIM = (38, 42, 51), (120, 120, 120)
# A caption's ground, by outcome.
_OVER = {"finished": (0, 112, 66), "fell": (156, 38, 38), "retreated": (133, 77, 14), "timeout": (105, 105, 105)}
_FONTS = range(18, 5, -1)  # [pixel] sizes of a caption, the largest that fits being taken
# What may stand right of a label; the short form where the long one leaves too small a font.
_WIDEST, _WIDEST_SHORT = "retreated · return -000.0 · step 0000", "retreated -000.0"
_SMALLEST = 10  # [pixel] size of a legible font


def grid(count: int) -> tuple[int, int]:
    """Return rows and columns for so many tiles: nearly as many of both, and never more rows than columns."""
    columns = math.ceil(math.sqrt(count))
    return math.ceil(count / columns), columns


class Tiles(VectorWrapper):
    """Picture an episode of each walker: at its end the picture dims, and the caption says how it ended.

    A vector env whose `render` returns one tile per walker, all of a size with even sides, as video needs them. A
    walker without a label never walks, and its tile is blank.
    """

    def __init__(self, envs: SyncVectorEnv, labels: Sequence[str]) -> None:
        """Wrap walkers.

        Args:
          envs: gymnasium SyncVectorEnv of N walkers whose render mode is "rgb_array".
          labels: N or fewer texts, for the first walkers.
        """
        super().__init__(envs)
        self._walkers = envs.envs
        self._labels = labels
        width = min(_WIDEST_TILE, _WIDTH // grid(envs.num_envs)[1]) // 2 * 2
        self._picture = width, round(width * _CROP[1] / _CROP[0]) // 2 * 2
        self._font = _fitting(labels, _WIDEST, width)
        self._short = self._font.size < _SMALLEST
        if self._short:
            self._font = _fitting(labels, _WIDEST_SHORT, width)
        self._strip = round(1.6 * self._font.size) // 2 * 2
        self.tile = width, self._picture[1] + self._strip  # [pixel] width and height

    def reset(self, *, seed: Any = None, options: dict[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        """Begin an episode of every walker."""
        self.returns, self._way = np.zeros((2, self.num_envs))  # so far
        self._steps = np.zeros(self.num_envs, int)
        self._heights: dict[int, float] = {}  # [pixel] of each crop's upper edge
        self._outcome = [""] * self.num_envs
        blank = np.full((*self.tile[::-1], 3), _WALKING, np.uint8)
        self._last = dict.fromkeys(range(len(self._labels), self.num_envs), blank)
        return super().reset(seed=seed, options=options)

    def step(self, actions: Any) -> tuple[Any, ...]:
        """Step the walkers, and count what they earn."""
        observation, reward, terminated, truncated, info = super().step(actions)
        for walker in range(len(self._labels)):
            if not self._outcome[walker]:
                self.returns[walker] += reward[walker]
                self._steps[walker] += 1
                self._way[walker] += moved(observation[walker, SPEED])
                if terminated[walker] or truncated[walker]:
                    self._outcome[walker] = outcome_of(terminated[walker], reward[walker], self._way[walker])
        return observation, reward, terminated, truncated, info

    def render(self) -> Any:
        """Return the tiles, N arrays (height, width, 3) uint8. What is over is drawn once."""
        tiles = []
        for walker, env in enumerate(self._walkers):
            view: Any = None if walker in self._last else env.render()
            tile = self._last[walker] if view is None else self._draw(walker, self._crop(walker, view))
            if self._outcome[walker]:
                self._last[walker] = tile
            tiles.append(tile)
        return tiles

    def _crop(self, walker: int, view: np.ndarray) -> np.ndarray:
        """Return the part of the view around the walker; it follows the terrain slowly."""
        hull: Any = self._walkers[walker].unwrapped
        edge = _VIEW[1] - _SCALE * hull.hull.position.y - _ABOVE
        height = self._heights.setdefault(walker, edge)
        self._heights[walker] = height + _FOLLOW * (edge - height)
        top = int(np.clip(self._heights[walker], 0, _VIEW[1] - _CROP[1]))
        return view[top : top + _CROP[1], : _CROP[0]]

    def _draw(self, walker: int, view: np.ndarray) -> np.ndarray:
        outcome = self._outcome[walker]
        picture = Image.fromarray(np.ascontiguousarray(view))
        if picture.size != self._picture:
            picture = picture.resize(self._picture, Image.Resampling.LANCZOS)
        if outcome:
            picture = Image.blend(picture, Image.new("RGB", self._picture, _DIM), 0.5)
        tile = Image.new("RGB", self.tile, _OVER.get(outcome, _WALKING))
        tile.paste(picture, (0, self._strip))
        pen, middle, margin = ImageDraw.Draw(tile), self._strip // 2, self._font.size // 2
        earned = f"{self.returns[walker]:.1f}"
        parts = [outcome, earned] if self._short else [outcome, f"return {earned}", f"step {self._steps[walker]}"]
        earned = (" " if self._short else " · ").join(filter(None, parts))
        pen.text((margin, middle), self._labels[walker], "white", self._font, anchor="lm")
        pen.text((self.tile[0] - margin, middle), earned, "white", self._font, anchor="rm")
        # A line that sets tiles apart, where the pictures of two rows or columns meet.
        pen.rectangle((0, 0, self.tile[0] - 1, self.tile[1] - 1), outline=_WALKING)
        return np.asarray(tile)


def _fitting(labels: Sequence[str], widest: str, width: int) -> Any:
    """Return the largest font in which every label leaves room for what stands right of it."""
    longest = max(labels, key=len)
    for size in _FONTS:
        font = ImageFont.load_default(size)
        if font.getlength(longest + "  " + widest) + size <= width:
            break
    return font
