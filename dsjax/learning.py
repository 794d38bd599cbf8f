"""The learning rule: a modulator moves centers towards weights that paid off, and fades the oscillation.

    dc/dt = eta (m - r) (w - c)              dA/dt = -(lambda m + kappa) A

The published rule expects no reward, and fades by reward alone: r = kappa = 0. Where the amplitude follows progress, it
also relaxes to A0 exp(-r / rho), as fast as the baseline behind r forgets. To change the rule, change `step`; to change
only how far the centers follow, name another optax transformation in `transformation`.
Source: Wei & Webb, IROS 2018, section II.
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
    fade_rate: ArrayLike  # kappa [1/ms]: fading whatever the reward, as a schedule of the amplitude; 0: by reward alone
    fade_reward: ArrayLike  # rho: mean reward at which the amplitude, following progress, is 1/e; inf: it follows none
    momentum: ArrayLike  # in [0, 1): share of the last update kept; used by "momentum" alone
    baseline_time: ArrayLike  # [ms] over which the mean reward is taken that rewards are compared with; inf: r = 0
    effort: ArrayLike  # in [0, 1]: how far the reward that is expected grows with the effort; 0: it is the mean reward
    averaging_time: ArrayLike  # [ms] over which centers are averaged for frozen controllers; 0: centers as they are
    floor: ArrayLike  # a worse reward counts as this one, so that a fall's -100 does not outweigh all else; -inf: none


class LearningState(NamedTuple):
    """What learning remembers beside the synapses, which have any shape s."""

    optimizer: optax.OptState
    baseline: jax.Array  # (): running mean of the modulator, or with `effort` 1, of the modulator per effort
    average: jax.Array  # s: running mean of the centers: the weights of a controller that no longer learns


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
    """Return the LearningState for synapses that have not learned yet."""
    optimizer = transformation(spec, params).init(synapses.center)
    return LearningState(optimizer, jnp.zeros((), synapses.center.dtype), synapses.center)


def modulator(reward, spec, params):
    """Return what the rule sees of a reward, ()."""
    # Bounding rewards keeps rare large ones from ruling the step size: Mnih et al., Nature 2015, clip them alike.
    return jnp.maximum(reward, params.floor if spec.repulsive else 0)


def expectation(state, effort, params):
    """Return the modulator that a step of this effort is expected to bring, ()."""
    # Punishment is no price of effort: else the way out of it would be to exert oneself more.
    scale = jnp.where(state.baseline > 0, 1 - params.effort + params.effort * effort, 1)
    return state.baseline * scale


def step(synapses, state, modulator, effort, spec, params, synapse_params, dt):
    """Advance the synapses by dt under a modulator.

    The weight moves along its cycle; the center follows it, or flees it, in proportion to the modulator; the
    amplitude fades; a finished cycle begins anew. A modulator of 0 leaves center and amplitude bit-equal
    (under "sgd" without a baseline; other optimizers may still carry earlier updates out).

    A baseline changes nothing in the mean, as a weight is above its center as long as below, but much in the noise:
    centers no longer follow their weights around just because walking pays at all. Comparing rewards with their mean
    is reinforcement comparison (Sutton 1984; Williams, Machine Learning 1992). The average of the centers is Polyak &
    Juditsky's (1992): it lies nearer to the optimum than centers that still move about it.

    An amplitude that follows progress fades while reward comes to be expected, and grows back when it fails to come, as
    in Gullapalli's stochastic unit (Neural Networks 1990). It follows the baseline: with none, it would stay.

    If the expected reward grows with effort, centers climb the reward per effort instead of per time: where m and e are
    the means of modulator and effort, m - (m / e) effort is uncorrelated with weights just where m / e is stationary.
    A return is of that kind: on a way of given length it counts what the way costs, and not how long it takes. Animals
    are held to choose their gaits likewise, by the cost of transport (Hoyt & Taylor, Nature 1981).

    Args:
      synapses: SynapseState of any shape.
      state: LearningState.
      modulator: () reward signal over the step.
      effort: () that the step took, in [0, 1]: mean magnitude of the action.
      spec: LearningSpec.
      params: LearningParams.
      synapse_params: SynapseParams.
      dt: () [ms]; 0 leaves the state unchanged.

    Returns:
      (SynapseState, LearningState).
    """
    last_weight = synapses.weight
    synapses = synapse.advance(synapses, synapse_params, dt)
    expected = expectation(state, effort, params)
    surprise = modulator - expected
    gradient = -surprise * (synapses.weight - synapses.center) * dt
    updates, optimizer = transformation(spec, params).update(gradient, state.optimizer, synapses.center)
    center = optax.apply_updates(synapses.center, updates)
    baseline = state.baseline + surprise * dt / params.baseline_time
    share = jnp.minimum(jnp.divide(dt, params.averaging_time), 1)
    average = jnp.where(share < 1, state.average + share * (center - state.average), center)
    # With dt = 0 no time passes for any of these: momentum and Adam must not drift on.
    passed = center, LearningState(optimizer, baseline, average)
    center, state = jax.tree.map(lambda new, old: jnp.where(dt > 0, new, old), passed, (synapses.center, state))
    fading = modulator if spec.signed_decay else jnp.maximum(modulator, 0)
    amount = (params.amplitude_decay * fading + params.fade_rate) * dt
    behind = jnp.maximum(expected, 0) / params.fade_reward - synapses.fade
    amount += jnp.where(jnp.isfinite(params.fade_reward), behind * dt / params.baseline_time, 0)
    synapses = synapse.fade(synapses._replace(center=center), amount)
    return synapse.renew(synapses, last_weight), state
