from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from dsjax import learning, synapse
from dsjax.learning import LearningSpec
from dsjax.presets import preset
from dsjax.synapse import SynapseParams

SYNAPSE = SynapseParams(amplitude=0.2, period=20000.0, period_cv=0.1, center_range=0.2)
PARAMS = preset("iros2018")[1].learning._replace(learning_rate=1.2e-4, amplitude_decay=3e-8)
PUBLISHED = LearningSpec()
STEP = 33.0
EFFORT = 0.5  # matters only where the expected reward grows with it
SPECS = [
    LearningSpec(optimizer=name, timed=name == "momentum", annealed=name == "adam") for name in learning.OPTIMIZERS
]


@pytest.fixture
def optax_promotion():
    """Let types mix, as optax's Adam does."""
    with jax.numpy_dtype_promotion("standard"):
        yield


def begin(spec, shape=(30,), key=0):
    synapses = synapse.init(jax.random.key(key), shape, SYNAPSE)
    return learning.init(synapses, spec, PARAMS), synapses


def stepping(params, spec=PUBLISHED):
    """Return the jitted step of these hyperparameters: (learned, synapses, modulator) to (learned, synapses)."""
    return jax.jit(partial(learning.step, effort=EFFORT, spec=spec, params=params, synapse_params=SYNAPSE, dt=STEP))


def test_step_is_the_equation(float64):
    learned, synapses = begin(LearningSpec())
    _, after = learning.step(learned, synapses, 0.7, EFFORT, LearningSpec(), PARAMS, SYNAPSE, STEP)
    weight = synapses.center + 0.2 * np.sin(2 * np.pi * (synapses.time + STEP) / synapses.period)
    np.testing.assert_allclose(after.weight, weight, rtol=1e-12)
    center = synapses.center + (weight - synapses.center) * 0.7 * 1.2e-4 * STEP
    np.testing.assert_allclose(after.center, center, rtol=1e-12)
    np.testing.assert_allclose(synapse.amplitude(after, SYNAPSE), 0.2 * np.exp(-3e-8 * 0.7 * STEP), rtol=1e-15)


def test_no_modulator_no_learning_bit_for_bit():
    learned, synapses = begin(LearningSpec())
    first = synapses
    step = stepping(PARAMS)
    for _ in range(100):
        learned, synapses = step(learned, synapses, jnp.float32(0))
    np.testing.assert_array_equal(synapses.center, first.center)
    assert synapse.amplitude(synapses, SYNAPSE) == synapse.amplitude(first, SYNAPSE)
    assert not np.array_equal(synapses.weight, first.weight)


@pytest.mark.parametrize("spec", SPECS, ids=learning.OPTIMIZERS)
def test_no_time_no_change(spec, optax_promotion):
    learned, synapses = begin(spec)
    step = jax.jit(partial(learning.step, effort=EFFORT, spec=spec, params=PARAMS, synapse_params=SYNAPSE))
    for _ in range(3):
        learned, synapses = step(learned, synapses, jnp.float32(0.5), dt=jnp.float32(STEP))
    after = step(learned, synapses, jnp.float32(0.5), dt=jnp.float32(0))
    jax.tree.map(np.testing.assert_array_equal, after, (learned, synapses))


@pytest.mark.parametrize("spec", SPECS, ids=learning.OPTIMIZERS)
def test_one_trace_serves_every_rate(spec, optax_promotion):
    traces = 0

    def step(learned, synapses, modulator, params):
        nonlocal traces
        traces += 1
        return learning.step(learned, synapses, modulator, EFFORT, spec, params, SYNAPSE, STEP)

    jitted = jax.jit(step)
    learned, synapses = begin(spec)
    for rate in (1e-5, 1e-4, 1e-3):
        params = PARAMS._replace(learning_rate=jnp.float32(rate))
        learned, synapses = jitted(learned, synapses, jnp.float32(1), params)
    assert traces == 1


def test_repulsion_can_be_switched_off():
    assert learning.modulator(jnp.float32(-2), LearningSpec(repulsive=True), PARAMS) == -2
    assert learning.modulator(jnp.float32(-2), LearningSpec(repulsive=False), PARAMS) == 0
    assert learning.modulator(jnp.float32(2), LearningSpec(repulsive=False), PARAMS) == 2


@pytest.mark.parametrize(("reward", "seen"), [(-100, -30), (-29, -29), (300, 300)])
def test_a_reward_below_the_floor_counts_as_the_floor(reward, seen):
    assert learning.modulator(jnp.float32(reward), LearningSpec(), PARAMS._replace(floor=-30.0)) == seen


def test_a_baseline_takes_the_mean_reward_out_of_learning(float64):
    params = PARAMS._replace(baseline_time=50 * STEP, averaging_time=20 * STEP)
    (learned, synapses), baseline = begin(LearningSpec()), 0.0
    for reward in np.random.default_rng(0).normal(1, 1, 200):
        before, surprise = synapses.center, reward - baseline
        average = learned.average
        learned, synapses = learning.step(learned, synapses, reward, EFFORT, LearningSpec(), params, SYNAPSE, STEP)
        baseline += surprise / 50
        moved = 1.2e-4 * STEP * surprise * (synapses.weight - before)
        np.testing.assert_allclose(synapses.center, before + moved, rtol=1e-12)
        np.testing.assert_allclose(learned.average, average + (synapses.center - average) / 20, rtol=1e-12)
    assert learned.baseline == pytest.approx(baseline)
    # The amplitude fades with the whole reward, not with what is above the mean.
    assert synapses.fade == pytest.approx(3e-8 * STEP * np.random.default_rng(0).normal(1, 1, 200).sum())


def test_a_constant_reward_teaches_nothing_once_it_is_expected():
    params = PARAMS._replace(baseline_time=10 * STEP)
    step = stepping(params)
    learned, synapses = begin(LearningSpec())
    for _ in range(300):
        learned, synapses = step(learned, synapses, jnp.float32(2))
    settled = synapses.center
    for _ in range(100):
        learned, synapses = step(learned, synapses, jnp.float32(2))
    np.testing.assert_allclose(synapses.center, settled, atol=1e-6)
    plain = stepping(PARAMS)
    learned = learning.init(synapses, LearningSpec(), PARAMS)
    for _ in range(100):
        learned, synapses = plain(learned, synapses, jnp.float32(2))
    assert np.abs(synapses.center - settled).max() > 1e-2


def test_annealing_slows_learning_deepens_the_floor_and_lengthens_the_average_as_reward_is_earned(float64):
    params = PARAMS._replace(annealing=50 * STEP, averaging_time=20 * STEP, floor=-30.0, baseline_time=10 * STEP)
    spec = LearningSpec(annealed=True)
    (learned, synapses), step = begin(spec), stepping(params, spec)
    earned, seen = 0.0, []
    for reward in [-0.5] * 20 + [0.7] * 80:
        factor = 1 + earned / 50
        seen.append(factor)
        lowest = learning.modulator(-1e3, spec, learning.annealed(learned, params))
        assert lowest == pytest.approx(-30 * factor)
        before, average, baseline = synapses.center, learned.average, learned.baseline
        learned, synapses = step(learned, synapses, reward)
        moved = (synapses.weight - before) * (reward - baseline) * 1.2e-4 / factor * STEP
        np.testing.assert_allclose(synapses.center, before + moved, rtol=1e-12)
        share = 1 / (20 * factor)
        np.testing.assert_allclose(learned.average, average + share * (synapses.center - average), rtol=1e-12)
        earned += max(float(baseline), 0)
    assert seen[20] == 1
    assert seen[-1] > 1.5


def test_exploration_closes_once_enough_is_earned(float64):
    params = PARAMS._replace(
        amplitude_decay=0.0, annealing=1e9, fade_reward=1.0, baseline_time=STEP, closing=100 * STEP
    )
    spec = LearningSpec(annealed=True)
    (learned, synapses), step = begin(spec), stepping(params, spec)
    fades = []
    for _ in range(160):
        learned, synapses = step(learned, synapses, 1.0)
        fades.append(float(synapses.fade))
    # Of a reward of 1 that is expected at once, the fade is 1 until 100 steps of it are earned.
    np.testing.assert_allclose(fades[5:100], 1.0, atol=1e-9)
    earned = np.arange(102, 160) - 1.0
    np.testing.assert_allclose(fades[102:], 1 + (4 * (earned / 100 - 1)) ** 2, atol=0.02)
    assert learning.closed(learned._replace(earned=None), params) == 0  # without annealing nothing closes
    assert learning.closed(learned, params._replace(closing=np.inf)) == 0


def test_what_is_earned_adds_up_in_single_precision():
    """A step's reward is below the resolution of what many million have earned."""
    spec, params = LearningSpec(annealed=True), PARAMS._replace(baseline_time=1e12)
    (learned, synapses), step = begin(spec), stepping(params, spec)
    learned = learned._replace(baseline=jnp.float32(0.001), earned=learned.earned._replace(total=jnp.float32(2**23)))
    for _ in range(1000):
        learned, synapses = step(learned, synapses, 0.001)
    assert learned.earned.total - 2**23 == pytest.approx(0.001 * STEP * 1000, abs=1)


def test_a_timed_baseline_takes_what_an_age_brings_out_of_learning(float64):
    """Every episode brings 1 in its first half and -1 in its second: no surprise to one who knows its age."""
    params = PARAMS._replace(baseline_time=1e4 * STEP, timing_rate=0.5)
    moved = {}
    for timed in (True, False):
        spec = LearningSpec(timed=timed)
        (learned, synapses), step = begin(spec), stepping(params, spec)
        for episode in range(40):
            if episode == 30:
                settled = synapses.center
            learned = learning.begin_episode(learned)
            for age in range(100):
                learned, synapses = step(learned, synapses, 1.0 if age < 50 else -1.0)
        moved[timed] = np.abs(synapses.center - settled).mean()
    assert moved[True] < moved[False] / 5


def test_centers_decay_with_the_square_of_their_weights_swing(float64):
    params = PARAMS._replace(weight_decay=0.01)
    learned, synapses = begin(LearningSpec())
    _, after = learning.step(learned, synapses, 0.0, EFFORT, LearningSpec(), params, SYNAPSE, STEP)
    deviation = after.weight - synapses.center
    np.testing.assert_allclose(after.center, synapses.center * (1 - 1.2e-4 * STEP * 0.01 * deviation**2), rtol=1e-12)
    resting = SYNAPSE._replace(amplitude=0.0)
    _, after = learning.step(learned, synapses, 0.0, EFFORT, LearningSpec(), params, resting, STEP)
    np.testing.assert_array_equal(after.center, synapses.center)


@pytest.mark.parametrize(("signed", "grows"), [(True, True), (False, False)])
def test_punishment_lets_the_amplitude_grow_only_if_signed(signed, grows):
    spec = LearningSpec(signed_decay=signed)
    learned, synapses = begin(spec)
    params = PARAMS._replace(amplitude_decay=1e-3)
    _, after = learning.step(learned, synapses, jnp.float32(-1), EFFORT, spec, params, SYNAPSE, STEP)
    assert (synapse.amplitude(after, SYNAPSE) > 0.2) == grows


def test_the_amplitude_can_fade_with_time_alone(float64):
    params = PARAMS._replace(fade_rate=1e-6)
    learned, synapses = begin(LearningSpec())
    for _ in range(10):
        learned, synapses = learning.step(learned, synapses, -1.0, EFFORT, LearningSpec(), params, SYNAPSE, STEP)
    expected = 0.2 * np.exp(-10 * STEP * (1e-6 - 3e-8))
    assert synapse.amplitude(synapses, SYNAPSE) == pytest.approx(expected, rel=1e-12)


def test_the_amplitude_can_follow_the_mean_reward_down_and_up(float64):
    params = PARAMS._replace(amplitude_decay=0.0, baseline_time=50 * STEP, fade_reward=0.1)
    step = stepping(params)
    state = begin(LearningSpec())
    for reward, expected in ((0.2, np.exp(-2)), (0.05, np.exp(-0.5)), (-1.0, 1.0)):
        for _ in range(1000):
            state = step(*state, jnp.float64(reward))
        assert synapse.amplitude(state[1], SYNAPSE) == pytest.approx(0.2 * expected, rel=1e-6)


@pytest.mark.parametrize(("effort", "torque"), [(0.0, 1.0), (1.0, 0.4)])
def test_reward_per_effort_has_another_optimum_than_reward_per_time(effort, torque):
    """One weight is the torque, and pays torque / (0.16 + torque^2) per effort: most at 0.4. Per time, more is more."""
    params = PARAMS._replace(learning_rate=1e-3, amplitude_decay=0.0, baseline_time=100 * STEP, effort=effort)
    synapses_ = SYNAPSE._replace(amplitude=0.05)

    def step(state, _):
        exerted = jnp.clip(state[1].weight, 0.01, 1)
        reward = (exerted**2 / (0.16 + exerted**2))[0]
        return learning.step(*state, reward, exerted[0], LearningSpec(), params, synapses_, STEP), state[1].center

    synapses = synapse.at_center(synapse.init(jax.random.key(0), (1,), synapses_), jnp.array([0.7]), synapses_)
    begun = learning.init(synapses, LearningSpec(), params), synapses
    _, centers = jax.jit(lambda state: jax.lax.scan(step, state, None, length=200_000))(begun)
    assert np.mean(centers[-50_000:]) == pytest.approx(torque, abs=0.1)


def test_unknown_optimizer_is_refused():
    with pytest.raises(ValueError, match="optimizer = 'lion': must be one of sgd, momentum, adam"):
        learning.init(begin(LearningSpec())[1], LearningSpec(optimizer="lion"), PARAMS)


def probe(shuffled, synapses=64, steps=20_000, goal=0.3):
    """Return the final centers of lone synapses rewarded by -(weight - goal)^2, or by that of another time."""
    spec, params = LearningSpec(), PARAMS._replace(learning_rate=2e-4, amplitude_decay=0.0)
    lag = jnp.asarray(np.random.default_rng(1).integers(0, 3000, steps))

    def one(key):
        state = synapse.init(key, (), SYNAPSE)

        def body(carry, now):
            state, learned, past = carry
            state = jax.lax.cond(
                now % 16 == 0, lambda: synapse.draw_periods(jax.random.fold_in(key, now), state, SYNAPSE), lambda: state
            )
            # A reward from a random time in the past has the same distribution, but not this weight's.
            past = past.at[now % 3000].set(-((state.weight - goal) ** 2))
            reward = past[(now - lag[now]) % 3000] if shuffled else past[now % 3000]
            learned, state = learning.step(learned, state, reward, EFFORT, spec, params, SYNAPSE, STEP)
            return (state, learned, past), None

        carry = state, learning.init(state, spec, params), jnp.zeros(3000)
        return jax.lax.scan(body, carry, jnp.arange(steps))[0][0].center

    return np.asarray(jax.jit(jax.vmap(one))(jax.random.split(jax.random.key(0), synapses)))


def test_a_synapse_learns_the_weight_that_pays():
    centers = probe(shuffled=False)
    assert np.abs(centers - 0.3).max() < 0.03


def test_a_synapse_does_not_learn_from_rewards_of_other_times():
    centers = probe(shuffled=True)
    # The learner above closes the whole gap of 0.3; chance closes none, within three standard errors and a tenth.
    error = centers.std(ddof=1) / np.sqrt(len(centers))
    assert abs(centers.mean()) < 3 * error + 0.03
    assert np.abs(centers - 0.3).mean() > 0.15
