"""A layer of dynamic synapses that learns: all that a task of one's own needs of the rule.

    state = layer.init(key, (outputs, inputs), spec, params)
    action = jnp.tanh(state.weights @ observation)
    state = layer.learn(key, state, reward, spec, params, dt)

The walkers' controller is made of the parts below it; `synapse` and `learning` say what they compute.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import jax.numpy as jnp
from jax.typing import DTypeLike

from dsjax import learning
from dsjax.fluctuation import SINUSOID, Kind
from dsjax.hyperparameters import LearningParams, LearningSpec, SynapseParams
from dsjax.learning import LearningState
from dsjax.shapes import Array, Float, Key, Scalar

__all__ = ["LayerParams", "LayerState", "begin_episode", "init", "learn"]


class LayerParams(NamedTuple):
    """Hyperparameters of a layer."""

    synapse: SynapseParams
    learning: LearningParams


class LayerState(NamedTuple):
    """Synapses of any shape s, and what their learning remembers."""

    synapses: Any  # SynapseState, or the state of another kind
    learning: LearningState

    @property
    def weights(self) -> Float[Array, "*s"]:
        """The weights as they are now: they oscillate."""
        return self.synapses.weight

    @property
    def centers(self) -> Float[Array, "*s"]:
        """The weights to act with once nothing is to be learned any more: averaged, if the params say so."""
        return self.learning.average


def init(
    key: Key[Array, ""], shape: Sequence[int], spec: LearningSpec, params: LayerParams, kind: Kind = SINUSOID,
    dtype: DTypeLike | None = None,
) -> LayerState:  # fmt: skip
    """Draw a layer that has learned nothing.

    Args:
      key: PRNG key.
      shape: of the synapses, as (outputs, inputs).
      spec: LearningSpec.
      params: LayerParams.
      kind: of fluctuation, see `fluctuation`. Static.
      dtype: floating type; JAX's default if None.

    Returns:
      LayerState with weights of this shape.
    """
    synapses = kind.init(key, tuple(shape), params.synapse, dtype)
    return LayerState(synapses, learning.init(synapses, spec, params.learning))


def begin_episode(state: LayerState) -> LayerState:
    """Return the state at the beginning of an episode, which counts where rewards are expected by an episode's age."""
    return state._replace(learning=learning.begin_episode(state.learning))


def learn(
    key: Key[Array, ""], state: LayerState, reward: Scalar, spec: LearningSpec, params: LayerParams, dt: Scalar,
    effort: Scalar = 0.0, kind: Kind = SINUSOID,
) -> LayerState:  # fmt: skip
    """Let the weights vary for dt, and learn from the reward that the last action brought; see `learning.step`.

    Args:
      key: PRNG key.
      state: LayerState.
      reward: () of the step.
      spec: LearningSpec.
      params: LayerParams.
      dt: () [ms] that the step took; 0 leaves weights and centers unchanged, as a reset's reward should.
      effort: () that the step took, in [0, 1]; see `LearningParams.effort`.
      kind: of fluctuation, as of `init`. Static.

    Returns:
      LayerState.

    Raises:
      ValueError: `reward` or `effort` is no scalar.
    """
    synapses = kind.draw(key, state.synapses, params.synapse)
    reward = jnp.asarray(reward, synapses.center.dtype)
    modulator = learning.modulator(reward, spec, learning.annealed(state.learning, params.learning))
    learned, synapses = learning.step(
        state.learning, synapses, modulator, effort, spec, params.learning, params.synapse, dt, kind
    )
    return LayerState(synapses, learned)
