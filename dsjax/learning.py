"""The learning rule: a modulator moves centers towards weights that paid off, and fades the oscillation.

    dc/dt = eta [(m - r) (w - c) - delta (w - c)^2 c]              dA/dt = -(lambda m + kappa) A

The published rule expects no reward, forgets nothing, and fades by reward alone: r = delta = kappa = 0. Where the
amplitude follows progress, it also relaxes to A0 exp(-r / rho), as fast as the baseline behind r forgets; `closed` says
how that ends. To change the rule, change `update`; to change only how far the centers follow, pass an optax
transformation of your own as `LearningSpec.optimizer`.
Source: Wei & Webb, IROS 2018, section II.
"""

import pkgutil
from typing import NamedTuple

import jax
import jax.numpy as jnp
import optax

from dsjax import summation, timing
from dsjax.fluctuation import SINUSOID, Kind
from dsjax.hyperparameters import OPTIMIZERS, LearningParams, LearningSpec
from dsjax.shapes import Array, Float, Scalar, require_shape
from dsjax.summation import Sum
from dsjax.synapse import Fluctuating, SynapseParams
from dsjax.timing import TimingState

__all__ = [
    "OPTIMIZERS", "LearningParams", "LearningSpec", "LearningState", "annealed", "begin_episode", "closed",
    "expectation", "init", "modulator", "step", "transformation", "update",
]  # fmt: skip


class LearningState(NamedTuple):
    """What learning remembers beside the synapses, which have any shape s."""

    optimizer: optax.OptState
    baseline: Float[Array, ""]  # running mean of the modulator, or with `effort` 1, of the modulator per effort
    average: Float[Array, "*s"]  # running mean of the centers: the weights of a controller that no longer learns
    timing: TimingState | None = None  # what is expected by the age of an episode; None without `LearningSpec.timed`
    earned: Sum | None = None  # [ms] expected reward, summed over time; None without `LearningSpec.annealed`


def transformation(spec: LearningSpec, params: LearningParams) -> optax.GradientTransformation:
    """Return the optax transformation that turns center gradients into center updates.

    Built where it is traced, from traced rates, so that every member of a population can have its own.

    Args:
      spec: its `optimizer` is one of `OPTIMIZERS`; or a function from LearningParams to a transformation; or the name
        of such a function, as "module:function", which a config can state.
      params: LearningParams.

    Raises:
      ValueError: `spec.optimizer` is none of these.
    """
    if callable(spec.optimizer):
        return spec.optimizer(params)
    match spec.optimizer:
        case "sgd":
            return optax.sgd(params.learning_rate)
        case "momentum":
            return optax.sgd(params.learning_rate, momentum=params.momentum)
        case "adam":
            return optax.adam(params.learning_rate)
    if ":" not in spec.optimizer:
        known = ", ".join(OPTIMIZERS)
        raise ValueError(f"optimizer = {spec.optimizer!r}: must be one of {known}, or module:function")
    try:
        function = pkgutil.resolve_name(spec.optimizer)
    except (ImportError, AttributeError, ValueError) as error:
        raise ValueError(f"optimizer = {spec.optimizer!r}: cannot be imported: {error}") from error
    return function(params)


def init(synapses: Fluctuating, spec: LearningSpec, params: LearningParams) -> LearningState:
    """Return the LearningState for synapses that have not learned yet."""
    optimizer = transformation(spec, params).init(synapses.center)
    dtype = synapses.center.dtype
    known = timing.init(dtype) if spec.timed else None
    earned = summation.zero(dtype) if spec.annealed else None
    return LearningState(optimizer, jnp.zeros((), dtype), synapses.center, known, earned)


def begin_episode(state: LearningState) -> LearningState:
    """Return the state at the beginning of an episode."""
    return state if state.timing is None else state._replace(timing=timing.begin_episode(state.timing))


def annealed(state: LearningState, params: LearningParams) -> LearningParams:
    """Return the LearningParams as they are after what reward has been earned so far, R = integral of max(r, 0) dt.

        eta / (1 + R / R0)        floor (1 + R / R0)        averaging time (1 + R / R0)

    Search, then converge (Darken & Moody, NIPS 1991): a rate that falls with 1 / t comes to rest, and yet gets anywhere
    (Robbins & Monro, Annals of Mathematical Statistics 1951). Here time counts as far as walking pays, as it does where
    the published rule fades the amplitude: who does not walk yet goes on searching. The floor bounds how far one
    punishment moves a center, and goes on to bound it to as much; the average goes on to be over as many such moves.
    """
    if state.earned is None:
        return params
    factor = 1 + state.earned.total / params.annealing
    return params._replace(
        learning_rate=params.learning_rate / factor,
        floor=params.floor * factor,
        averaging_time=params.averaging_time * factor,
    )


def closed(state: LearningState, params: LearningParams) -> Float[Array, ""]:
    """Return how far exploration has closed, by which the oscillation fades beside what progress fades, ().

        (4 max(R / Rc - 1, 0))^2        of the reward earned so far, R; Rc is `params.closing`

    So the amplitude falls like a Gaussian: to 1/e at 5/4 Rc, to 2 % at 3/2 Rc. While weights swing, centers learn to
    stand it, which makes them robust; but a walker walks best once they do not. Exploration therefore closes late, and
    then soon, as the critical periods of animals do (Hensch, Nature Reviews Neuroscience 2005).
    """
    if state.earned is None:
        return jnp.zeros_like(state.baseline)
    return (4 * jnp.maximum(state.earned.total / params.closing - 1, 0)) ** 2


def modulator(reward: Scalar, spec: LearningSpec, params: LearningParams) -> Float[Array, ""]:
    """Return what the rule sees of a reward, ()."""
    # Bounding rewards keeps rare large ones from ruling the step size: Mnih et al., Nature 2015, clip them alike.
    return jnp.maximum(reward, params.floor if spec.repulsive else 0)


def expectation(state: LearningState, effort: Scalar, params: LearningParams) -> Float[Array, ""]:
    """Return the modulator that a step of this effort is expected to bring, whatever the episode's age, ()."""
    # Scale only a positive baseline: scaling a negative one would reward more torque.
    scale = jnp.where(state.baseline > 0, 1 - params.effort + params.effort * effort, 1)
    return state.baseline * scale


def step(
    state: LearningState, synapses: Fluctuating, modulator: Scalar, effort: Scalar, spec: LearningSpec,
    params: LearningParams, synapse_params: SynapseParams, dt: Scalar, kind: Kind = SINUSOID,
) -> tuple[LearningState, Fluctuating]:  # fmt: skip
    """Advance the synapses by dt under a modulator: the kind's `advance`, then `update`, then its `renew`.

    The weight moves along its cycle; the center follows it, or flees it, in proportion to the modulator; the
    amplitude fades; a finished cycle begins anew. A modulator of 0 leaves center and amplitude bit-equal
    (under "sgd" without a baseline; other optimizers may still carry earlier updates out).

    Args:
      state: LearningState.
      synapses: SynapseState of any shape, or the state of another kind.
      modulator: () reward signal over the step.
      effort: () that the step took, in [0, 1]: mean magnitude of the action.
      spec: LearningSpec.
      params: LearningParams.
      synapse_params: SynapseParams.
      dt: () [ms]; 0 leaves the state unchanged.
      kind: of fluctuation, see `fluctuation`. Static.

    Returns:
      (LearningState, synapses).

    Raises:
      ValueError: `modulator` or `effort` is no scalar.
    """
    last_weight = synapses.weight
    synapses = kind.advance(synapses, synapse_params, dt)
    state, synapses = update(state, synapses, modulator, effort, spec, params, dt, kind)
    return state, kind.renew(synapses, last_weight)


def update(
    state: LearningState, synapses: Fluctuating, modulator: Scalar, effort: Scalar, spec: LearningSpec,
    params: LearningParams, dt: Scalar, kind: Kind = SINUSOID,
) -> tuple[LearningState, Fluctuating]:  # fmt: skip
    """Move the centers and fade the fluctuation of synapses whose weights have been at their values for dt.

    The rule does not know how weights fluctuate: it sees their `center` and `weight`, and asks their kind to fade.

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

    A center that grows without need saturates what its synapse drives, and nothing is learned from it any more. Its
    decay is Oja's (Journal of Mathematical Biology 1982), with the deviation where he has the activity: what teaches a
    synapse shrinks with the square of its fluctuation, and so does what it forgets. Centers thus climb
    m - delta c^2 / 2, summed over all synapses, whatever the amplitude, and those of synapses that rest stay.

    Args:
      state: LearningState.
      synapses: SynapseState of any shape, or the state of another kind.
      modulator: () reward signal over the step.
      effort: () that the step took, in [0, 1]: mean magnitude of the action.
      spec: LearningSpec.
      params: LearningParams.
      dt: () [ms]; 0 leaves the state unchanged.
      kind: of fluctuation. Static. A state of your own needs none if it has a SynapseState's `fade` and `fade_error`.

    Returns:
      (LearningState, synapses).

    Raises:
      ValueError: `modulator` or `effort` is no scalar.
    """
    require_shape("modulator", modulator, ())
    require_shape("effort", effort, ())
    closure, params = closed(state, params), annealed(state, params)
    expected = expectation(state, effort, params)
    surprise = modulator - expected
    deviation = synapses.weight - synapses.center
    decay = params.weight_decay * deviation**2 * synapses.center
    known, teaching = state.timing, surprise
    if known is not None:
        teaching = surprise - timing.expected(known)
        known = timing.update(known, surprise, params.timing_rate, dt)
    gradient = (decay - teaching * deviation) * dt
    updates, optimizer = transformation(spec, params).update(gradient, state.optimizer, synapses.center)
    center = optax.apply_updates(synapses.center, updates)
    baseline = state.baseline + surprise * dt / params.baseline_time
    share = jnp.minimum(jnp.divide(dt, params.averaging_time), 1)
    average = jnp.where(share < 1, state.average + share * (center - state.average), center)
    earned = None if state.earned is None else summation.add(state.earned, jnp.maximum(expected, 0) * dt)
    # With dt = 0 no time passes for any of these: momentum and Adam must not drift on.
    passed = center, LearningState(optimizer, baseline, average, known, earned)
    center, state = jax.tree.map(lambda new, old: jnp.where(dt > 0, new, old), passed, (synapses.center, state))
    fading = modulator if spec.signed_decay else jnp.maximum(modulator, 0)
    amount = (params.amplitude_decay * fading + params.fade_rate) * dt
    behind = jnp.maximum(expected, 0) / params.fade_reward + closure - kind.faded(synapses)
    amount += jnp.where(jnp.isfinite(params.fade_reward), behind * dt / params.baseline_time, 0)
    return state, kind.fade(synapses._replace(center=center), amount)
