"""Film a shipped walker in this package's physics beside gymnasium's, on one terrain: `python docs/film_walker.py`.

Two minutes on two cores, most of it compilation. The film is docs/images/walker-jax.gif. Both walkers have the same
controller, ground and first push. They walk alike until rounding, which a gait doubles with every few steps, tells them
apart: so would Box2D from itself, were its hull moved by a millionth of a metre.
"""

import tempfile
from functools import partial
from pathlib import Path
from typing import Any

import jax
import numpy as np
from gymnasium.envs.functional_jax_env import FunctionalJaxEnv
from gymnasium.vector import SyncVectorEnv

from dsjax.envs import bipedal
from dsjax.evaluation.controllers import load_controllers
from dsjax.evaluation.evaluate import evaluate
from dsjax.training.runtime import prepare
from dsjax.video.films import TERRAINS
from dsjax.video.recorder import Recorder, to_gif
from dsjax.video.tiles import Tiles
from dsjax.walker.functional import BipedalWalkerFuncEnv, gymnasium_terrain

_PATH = Path(__file__).parent / "images" / "walker-jax.gif"
_STEPS, _FPS, _WIDTH = 300, 25, 880  # six seconds; [pixel]


class InJax(FunctionalJaxEnv):
    """A walker in JAX that plays one episode, on gymnasium's terrain of the seed that a reset names."""

    def __init__(self) -> None:
        super().__init__(BipedalWalkerFuncEnv(), render_mode="rgb_array")

    @property
    def hull(self) -> Any:
        """The hull of the picture, which tiles follow."""
        return self.render_state.hull

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, dict]:
        """Begin the episode."""
        ground = jax.tree.map(lambda leaf: leaf[..., 0], gymnasium_terrain([seed]))
        self.state = self.func_env.initial(self.rng, ground)
        return np.asarray(self.state.observation), {}

    def step(self, action: Any) -> tuple[Any, ...]:
        """Step the walker."""
        observation, *outcome = super().step(action)
        return np.asarray(observation), *outcome


class _Cut(Exception):
    """The film is long enough."""


def main() -> None:
    """Write the film."""
    prepare()
    ambler = load_controllers("pretrained:ambler")
    envs = SyncVectorEnv([InJax, partial(bipedal.make, "BipedalWalker-v3", "rgb_array")], copy=False)
    with tempfile.TemporaryDirectory() as folder:
        film = Path(folder) / "film.mp4"
        filming = Recorder(Tiles(envs, ["JAX · ambler", "gymnasium · ambler"]), film, (1, 2), _FPS)

        def each_step(done: float) -> None:
            if filming.steps == _STEPS:
                raise _Cut

        try:
            evaluate(
                filming, ambler.state, ambler.config.spec(), ambler.params(), [0, 0], range(1), "centers", TERRAINS,
                each_step,
            )  # fmt: skip
        except _Cut:
            pass
        finally:
            filming.close()
        to_gif(film, _PATH, _FPS, _WIDTH)


if __name__ == "__main__":
    main()
