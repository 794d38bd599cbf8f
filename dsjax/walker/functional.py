"""The walker behind gymnasium's functional interface, and gymnasium's own terrains for it.

    env = FunctionalJaxEnv(BipedalWalkerFuncEnv(), render_mode="rgb_array")     # gymnasium.envs.functional_jax_env
    observation, _ = env.reset(seed=0)

Of this package only this file and `rendering` need gymnasium, and `from dsjax import walker` loads neither.
"""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, NamedTuple, NoReturn

import Box2D
import gymnasium
import jax
import jax.numpy as jnp
import numpy as np
from gymnasium.envs.box2d.bipedal_walker import INITIAL_RANDOM, BipedalWalker
from gymnasium.experimental.functional import FuncEnv

from dsjax.walker.geometry import Vec
from dsjax.walker.hardcore import AWAY, generate_hardcore
from dsjax.walker.physics import State
from dsjax.walker.pieces import Box
from dsjax.walker.rendering import Stage
from dsjax.walker.terrain import BOXES, Terrain, generate
from dsjax.walker.walker import ACTIONS, OBSERVATIONS, initial, step

__all__ = ["BipedalWalkerFuncEnv", "Moment", "gymnasium_terrain"]


class Moment(NamedTuple):
    """One walker after a step, and what the step brought. Leaves have no axis of walkers."""

    walker: State
    observation: jax.Array  # (24,)
    reward: jax.Array  # () of the step that led here, 0 after a reset
    terminated: jax.Array  # () bool

    @property
    def at(self) -> NoReturn:
        """Refuse what gymnasium's FunctionalJaxVectorEnv does with a state when an episode ends."""
        raise AttributeError(
            "FunctionalJaxVectorEnv of gymnasium 1.4 resets only states that are a single array, and takes back a step "
            "of all other envs; use dsjax.envs.make.make_vector(..., backend='jax')"
        )


class BipedalWalkerFuncEnv(FuncEnv[Moment, jax.Array, jax.Array, jax.Array, jax.Array, Stage | None, Terrain]):
    """BipedalWalker-v3, or its hardcore version, as gymnasium's functions of the state of one walker.

    They are compiled already, reset and step as one program: `transform(jax.jit)` would compile it twice. For many
    walkers `walker.step` is faster than `jax.vmap` of these, as its walkers are the last axis of every array.

    The params are None, or the Terrain of one walker, heights (200,) and push (), on which every episode begins.
    """

    observation_space = BipedalWalker().observation_space
    action_space = BipedalWalker().action_space

    def __init__(self, hardcore: bool = False) -> None:
        """Make the functions of BipedalWalker-v3, or of BipedalWalkerHardcore-v3."""
        super().__init__()
        self._generate = generate_hardcore if hardcore else generate
        self.spec = gymnasium.spec("BipedalWalkerHardcore-v3" if hardcore else "BipedalWalker-v3")

    def initial(self, rng: jax.Array, params: Terrain | None = None) -> Moment:
        """Return a walker at the start of a new terrain."""
        moment = _after(_before(_typed(rng), params, self._generate), jnp.zeros(ACTIONS))
        walker = moment.walker._replace(ticks=jnp.zeros_like(moment.walker.ticks))
        return moment._replace(walker=walker, reward=jnp.zeros_like(moment.reward))

    def transition(self, state: Moment, action: Any, rng: Any = None, params: Terrain | None = None) -> Moment:
        """Return the walker after a step with an action, (4,)."""
        return _after(state, jnp.asarray(action, jnp.float32))

    def observation(self, state: Moment, rng: Any = None, params: Terrain | None = None) -> jax.Array:
        """Return what the walker observes, (24,)."""
        return state.observation

    def reward(
        self, state: Moment, action: Any, next_state: Moment, rng: Any = None, params: Terrain | None = None
    ) -> jax.Array:
        """Return the reward of the step to `next_state`, ()."""
        return next_state.reward

    def terminal(self, state: Moment, rng: Any = None, params: Terrain | None = None) -> jax.Array:
        """Return whether the walker fell, walked back past the start or arrived, () bool. There is no time limit."""
        return state.terminated

    def render_init(self, params: Terrain | None = None, **kwargs: Any) -> Stage | None:
        """Return no stage yet: it takes the ground of a state to build one."""
        return None

    def render_image(
        self, state: Moment, render_state: Stage | None, params: Terrain | None = None
    ) -> tuple[Stage, np.ndarray]:
        """Return the stage of this walker's ground, and gymnasium's picture of the walker on it, (400, 600, 3)."""
        terrain = jax.tree.map(np.asarray, state.walker.terrain)
        if render_state is None or not render_state.has(terrain.heights):
            render_state = Stage(terrain.heights, boxes=terrain.boxes)
        return render_state, render_state.picture(np.asarray(state.walker.position), np.asarray(state.observation[14:]))

    def render_close(self, render_state: Stage | None, params: Terrain | None = None) -> None:
        """Close the stage, if there is one."""
        if render_state is not None:
            render_state.close()


def gymnasium_terrain(seeds: Sequence[int], hardcore: bool = False) -> Terrain:
    """Return the terrains, and first pushes, that gymnasium's BipedalWalker has after `reset(seed=seed)`.

    Args:
      seeds: N of them.
      hardcore: of BipedalWalkerHardcore-v3, with obstacles.

    Returns:
      Terrain, float32 as Box2D takes it.
    """
    walker, heights, pushes, boxes = BipedalWalker(hardcore=hardcore), [], [], []
    for seed in seeds:
        gymnasium.Env.reset(walker, seed=seed)
        walker.world = Box2D.b2World()
        walker._generate_terrain(hardcore)
        walker._generate_clouds()
        heights.append(walker.terrain_y)
        pushes.append(walker.np_random.uniform(-INITIAL_RANDOM, INITIAL_RANDOM))
        boxes.append(_boxes(walker))
    ground = Terrain(jnp.array(heights, jnp.float32).T, jnp.array(pushes, jnp.float32))
    if not hardcore:
        return ground
    left, bottom, right, top = np.array(boxes, np.float32).T
    return ground._replace(boxes=jax.tree.map(jnp.asarray, Box(Vec(left, bottom), Vec(right, top))))


def _boxes(walker: BipedalWalker) -> np.ndarray:
    """Return left, bottom, right, top [m] of the obstacles of a walker's terrain, (40, 4)."""
    boxes = np.full((BOXES, 4), AWAY)
    shapes = [body.fixtures[0].shape for body in walker.terrain]
    corners = [np.array(shape.vertices) for shape in shapes if isinstance(shape, Box2D.b2PolygonShape)]
    for number, box in enumerate(sorted(corners, key=lambda box: box[:, 0].min())):
        boxes[number] = *box.min(0), *box.max(0)
    return boxes


@partial(jax.jit, static_argnames="draw")
def _before(key: jax.Array, ground: Terrain | None, draw: Callable[[jax.Array], Terrain]) -> Moment:
    """Return a walker above its ground, before the step without torque that gymnasium's reset takes."""
    state = initial(draw(key[None]) if ground is None else _many(ground))
    return Moment(_lone(state), jnp.zeros(OBSERVATIONS), jnp.zeros(()), jnp.zeros((), bool))


@jax.jit
def _after(moment: Moment, action: jax.Array) -> Moment:
    """Return the walker after a step."""
    state, observation, reward, terminated, _ = step(_many(moment.walker), action[None])
    return Moment(_lone(state), observation[0], reward[0], terminated[0])


def _many(one: Any) -> Any:
    """Return a tree of one walker with the axis of walkers, as its last."""
    return jax.tree.map(lambda leaf: leaf[..., None], one)


def _lone(walkers: Any) -> Any:
    """Return the tree of the only walker, without that axis."""
    return jax.tree.map(lambda leaf: leaf[..., 0], walkers)


def _typed(key: jax.Array) -> jax.Array:
    """Return a key of the old kind, uint32 (2,) as gymnasium passes it, as a typed one."""
    return key if jax.dtypes.issubdtype(key.dtype, jax.dtypes.prng_key) else jax.random.wrap_key_data(key)
