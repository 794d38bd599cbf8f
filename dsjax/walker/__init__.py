"""BipedalWalker-v3 and its hardcore version in JAX, with Box2D's physics: thousands of walkers as pure functions.

    from dsjax import walker

    state, observation = walker.reset(jax.random.split(jax.random.key(0), 1024))
    state, observation, reward, terminated, truncated = walker.step(state, action)

    state, observation = walker.reset(walker.generate_hardcore(keys))  # with obstacles

The methods are those of Box2D 2.3 by Erin Catto (zlib licence), as gymnasium uses it; none of its code is. See NOTICE.
"""

from dsjax.walker.hardcore import generate_hardcore as generate_hardcore
from dsjax.walker.physics import State as State
from dsjax.walker.terrain import Terrain as Terrain
from dsjax.walker.terrain import generate as generate
from dsjax.walker.walker import ACTIONS as ACTIONS
from dsjax.walker.walker import HARDCORE_TIME_LIMIT as HARDCORE_TIME_LIMIT
from dsjax.walker.walker import OBSERVATIONS as OBSERVATIONS
from dsjax.walker.walker import TIME_LIMIT as TIME_LIMIT
from dsjax.walker.walker import reset as reset
from dsjax.walker.walker import step as step
