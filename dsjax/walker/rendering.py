"""Pictures of a walker, drawn by gymnasium's own BipedalWalker: the same bodies, put where the walker's are.

Of this package only this file and `functional` need gymnasium, and `from dsjax import walker` loads neither.
"""

from itertools import pairwise
from typing import Any

import numpy as np
from gymnasium.envs.box2d.bipedal_walker import LIDAR_RANGE, SCALE, VIEWPORT_W, BipedalWalker

from dsjax.walker.geometry import Vec
from dsjax.walker.pieces import Box, corners
from dsjax.walker.terrain import COLUMNS, STEP

__all__ = ["Stage"]

_RAYS = 1.5 * np.arange(10) / 10  # [rad] directions of the lidar, from straight down to ahead


class Stage(BipedalWalker):
    """gymnasium's walker on a given ground, as a picture of another walker: `place` moves its bodies.

    It is a whole BipedalWalker: stepped instead, it walks on that ground with Box2D's physics.
    """

    def __init__(self, heights: np.ndarray, seed: int = 0, boxes: Box | None = None) -> None:
        """Build the ground and the walker.

        Args:
          heights: (200,) [m], of one walker in `Terrain.heights`.
          seed: of the clouds.
          boxes: obstacles, leaves (40,), of one walker in `Terrain.boxes`.
        """
        super().__init__(render_mode="rgb_array", hardcore=boxes is not None)
        self._heights, self._boxes = [float(height) for height in heights], boxes
        self.reset(seed=seed)

    def has(self, heights: np.ndarray) -> bool:
        """Return whether this is the stage's ground, (200,) [m]."""
        return np.array_equal(self._heights, np.asarray(heights))

    def place(self, position: np.ndarray, lidar: np.ndarray) -> None:
        """Put the bodies where a walker's are, and aim its lidar.

        Args:
          position: (5, 3) of one walker in `State.position`: center of mass x, y [m] and angle [rad].
          lidar: (10,) fractions in [0, 1], the end of an observation.
        """
        hull: Any = self.hull
        for body, (x, y, angle) in zip([hull, *self.legs], np.asarray(position, float), strict=True):
            body.angle = angle
            offset = body.GetWorldVector(body.localCenter)  # Box2D places a body's origin
            body.position = x - offset.x, y - offset.y
        x, y = hull.position
        self.scroll = x - VIEWPORT_W / SCALE / 5
        for ray, angle, fraction in zip(self.lidar, _RAYS, np.asarray(lidar, float), strict=True):
            reach = fraction * LIDAR_RANGE
            ray.p1, ray.p2 = (x, y), (x + np.sin(angle) * reach, y - np.cos(angle) * reach)

    def picture(self, position: np.ndarray, lidar: np.ndarray) -> np.ndarray:
        """Return a walker's picture, (400, 600, 3) uint8. The arguments are those of `place`."""
        self.place(position, lidar)
        return self.render()

    def _generate_terrain(self, hardcore: bool) -> None:
        """Build the given ground, in gymnasium's shapes and colors."""
        self.terrain, self.terrain_poly = [], []
        self.terrain_x, self.terrain_y = [column * STEP for column in range(COLUMNS)], self._heights
        for column, (start, end) in enumerate(pairwise(zip(self.terrain_x, self.terrain_y, strict=True))):
            self.fd_edge.shape.vertices = [start, end]
            piece = self.world.CreateStaticBody(fixtures=self.fd_edge)
            piece.color1 = piece.color2 = (76, 204 if column % 2 else 255, 76)
            self.terrain.append(piece)
            self.terrain_poly.append(([start, end, (end[0], 0), (start[0], 0)], (102, 153, 76)))
        self.terrain = [*self._obstacles(), *self.terrain]
        self.terrain.reverse()

    def _obstacles(self) -> list[Any]:
        """Build the given obstacles."""
        if self._boxes is None:
            return []
        found = []
        for number in np.flatnonzero(np.asarray(self._boxes.lower.x) < COLUMNS * STEP):
            box = Box(*(Vec(float(corner.x[number]), float(corner.y[number])) for corner in self._boxes))
            self.fd_polygon.shape.vertices = [(corner.x, corner.y) for corner in corners(box)]
            found.append(self.world.CreateStaticBody(fixtures=self.fd_polygon))
            found[-1].color1, found[-1].color2 = (255, 255, 255), (153, 153, 153)
        return found
