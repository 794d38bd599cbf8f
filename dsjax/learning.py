"""The learning rule: a modulator moves centers towards weights that paid off, and fades the oscillation.

    dc/dt = eta m (w - c)              dA/dt = -lambda m A

To change the rule, change `step`; to change only how far the centers follow, name another optax transformation in
`transformation`. Source: Wei & Webb, IROS 2018, section II.
"""

from dataclasses import dataclass
from typing import NamedTuple

import jax
import jax.numpy as jnp
import optax
from jax.typing import ArrayLike

from dsjax import synapse

OPTIMIZERS = ("sgd", "momentum", "adam")


@dataclass(frozen=True)
class LearningSpec:
    """Which variant of the rule: static, so a change compiles a new program."""

    repulsive: bool = True  # a negative modulator pushes centers away from the weight; if not, it counts as 0
    signed_decay: bool = True  # a negative modulator lets the amplitude grow again; if not, it leaves it alone
    optimizer: str = "sgd"  # one of OPTIMIZERS: how the centers follow; "sgd" is the published rule


class LearningParams(NamedTuple):
    """Numbers of the rule, each shaped ()."""

    learning_rate: ArrayLike  # eta [1/ms]: larger moves centers faster, and noisier
    amplitude_decay: ArrayLike  # lambda [1/ms]: larger ends exploration sooner
    momentum: ArrayLike  # in [0, 1): share of the last update kept; used by "momentum" alone


def transformation(spec, params):
    """Return the optax transformation that turns center gradients into center updates.

    Built where it is traced, from traced rates, so that every member of a population can have its own.

    Raises:
      ValueError: `spec.optimizer` is none of `OPTIMIZERS`.
    """
    match spec.optimizer:
        case "sgd":
            return optax.sgd(params.learning_rate)
        case "momentum":
            return optax.sgd(params.learning_rate, momentum=params.momentum)
        case "adam":
            return optax.adam(params.learning_rate)
    raise ValueError(f"optimizer = {spec.optimizer!r}: must be one of {', '.join(OPTIMIZERS)}")


def init(synapses, spec, params):
    """Return the optimizer state for these synapses' centers."""
    return transformation(spec, params).init(synapses.center)


def modulator(reward, spec):
    """Return what the rule sees of a reward, ()."""
    return reward if spec.repulsive else jnp.maximum(reward, 0)


def step(synapses, optimizer, modulator, spec, params, synapse_params, dt):
    """Advance the synapses by dt under a modulator.

    The weight moves along its cycle; the center follows it, or flees it, in proportion to the modulator; the
    amplitude fades; a finished cycle begins anew. A modulator of 0 leaves center and amplitude bit-equal
    (under "sgd"; other optimizers may still carry earlier updates out).

    Args:
      synapses: SynapseState of any shape.
      optimizer: optax state from `init`.
      modulator: () reward signal over the step.
      spec: LearningSpec.
      params: LearningParams.
      synapse_params: SynapseParams.
      dt: () [ms]; 0 leaves the state unchanged.

    Returns:
      (SynapseState, optax state).
    """
    last_weight = synapses.weight
    synapses = synapse.advance(synapses, synapse_params, dt)
    gradient = -modulator * (synapses.weight - synapses.center) * dt
    updates, updated = transformation(spec, params).update(gradient, optimizer, synapses.center)
    # With dt = 0 no time passes for the optimizer either: momentum and Adam must not drift on.
    moving = dt > 0
    center = jnp.where(moving, optax.apply_updates(synapses.center, updates), synapses.center)
    optimizer = jax.tree.map(lambda new, old: jnp.where(moving, new, old), updated, optimizer)
    synapses = synapses._replace(center=center)
    fading = modulator if spec.signed_decay else jnp.maximum(modulator, 0)
    synapses = synapse.fade(synapses, params.amplitude_decay * fading * dt)
    return synapse.renew(synapses, last_weight), optimizer
