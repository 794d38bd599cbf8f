import jax
import jax.numpy as jnp
import numpy as np
import pytest

from dsjax import population
from dsjax.presets import PRESETS, preset
from dsjax.training.packing import pack, unpack
from dsjax.training.rollout import packed_copy, training_step

STEPS = 300


def inputs(members, seed=0):
    """Return observations, rewards and episode flags for members of a run, the same for each whoever else is there."""
    rng = np.random.default_rng(seed)
    observation = rng.normal(size=(STEPS, 64, 24)).astype(np.float32)
    reward = rng.normal(size=(STEPS, 64)).astype(np.float32)
    ends = rng.random((STEPS, 64)) < 0.02
    starts = np.roll(ends, 1, axis=0)
    starts[0] = True
    return [array[:, members] for array in (observation, reward, starts, ends & ~starts)]


def run(name, members, change=lambda state: state, change_inputs=lambda *arrays: arrays):
    """Step some members of a run; return their final state and all their actions, (STEPS, members, 4)."""
    spec, params = preset(name)
    params = population.share(params, len(members))
    state = packed_copy(change(population.init(jax.random.key(3), jnp.asarray(members), spec, params)))
    step, actions = training_step(spec), []
    for tick, now in enumerate(zip(*change_inputs(*inputs(members)), strict=True)):
        state, action, _ = step(tick, state, *now, pack(params))
        actions.append(np.asarray(action))
    return unpack(state), np.stack(actions)


@pytest.mark.parametrize("name", PRESETS)
def test_a_member_is_the_same_bits_in_every_population(name):
    many_state, many = run(name, list(range(32)))
    for members in ([5], [5, 6], list(range(8))):
        state, actions = run(name, members)
        np.testing.assert_array_equal(actions, many[:, members])
        mine = jax.tree.map(lambda leaf, m=members: leaf[np.array(m)], many_state.members)
        jax.tree.map(np.testing.assert_array_equal, state.members, mine)


def test_the_two_halves_on_the_host_equal_one_traced_step():
    spec, params = preset("iros2018")
    params = population.share(params, 3)
    whole, _ = run("iros2018", [0, 1, 2])
    state = population.init(jax.random.key(3), jnp.arange(3), spec, params)

    @jax.jit
    def scan(state, arrays):
        def body(state, now):
            return population.step(state, *now, spec, params)[0], None

        return jax.lax.scan(body, state, arrays)[0]

    # Fused into one program the last bits may round differently, but every draw must come at the same tick.
    traced = scan(state, [jnp.asarray(array) for array in inputs([0, 1, 2])])
    assert int(traced.tick) == int(whole.tick) == STEPS
    first, second = traced.members.synapses, whole.members.synapses
    np.testing.assert_allclose(first.next_period, second.next_period, rtol=1e-5)
    assert np.unique(np.asarray(second.next_period)).size > 1000
    np.testing.assert_allclose(first.center, second.center, atol=1e-5)


def test_members_can_be_taken_apart_and_joined():
    spec, params = preset("iros2018")
    params = population.share(params, 5)
    state = population.init(jax.random.key(3), jnp.arange(5), spec, params)
    parts = [population.select(state, slice(0, 2)), population.select(state, slice(2, 5))]
    assert [len(part.running) for part in parts] == [2, 3]
    jax.tree.map(np.testing.assert_array_equal, population.join(parts), state)


def test_perturbing_a_member_leaves_the_others_alone():
    def disturb(state):
        synapses = state.members.synapses
        synapses = synapses._replace(center=synapses.center.at[2].add(0.1))
        return state._replace(members=state.members._replace(synapses=synapses))

    _, before = run("iros2018", list(range(8)))
    _, after = run("iros2018", list(range(8)), disturb)
    others = [0, 1, 3, 4, 5, 6, 7]
    np.testing.assert_array_equal(after[:, others], before[:, others])
    assert not np.array_equal(after[:, 2], before[:, 2])


@pytest.mark.parametrize("name", PRESETS)
def test_a_member_that_is_not_finite_stops_alone(name):
    def poison(observation, reward, starts, ends):
        observation = observation.copy()
        observation[100, 1] = np.nan
        return observation, reward, starts, ends

    state, actions = run(name, [0, 1, 2], change_inputs=poison)
    _, before = run(name, [0, 1, 2])
    np.testing.assert_array_equal(np.asarray(state.running), [True, False, True])
    np.testing.assert_array_equal(actions[:, [0, 2]], before[:, [0, 2]])
    np.testing.assert_array_equal(actions[101:, 1], 0)
    assert np.isfinite(actions).all()


def test_one_trace_in_a_thousand_steps():
    spec, params = preset("iros2018")
    params = population.share(params, 4)
    traces = 0

    def step(state, *arguments):
        nonlocal traces
        traces += 1
        return population.step(state, *arguments, spec, params)[:2]

    jitted = jax.jit(step)
    state = population.init(jax.random.key(0), jnp.arange(4), spec, params)
    observation, flags = np.zeros((4, 24), np.float32), np.zeros(4, bool)
    for now in range(1000):
        state, _ = jitted(state, observation, np.full(4, 0.1 * (now % 3)), flags, flags)
    assert traces == 1
    assert int(state.tick) == 1000


def test_members_differ_and_seeds_differ():
    spec, params = preset("iros2018")
    params = population.share(params, 3)
    first, second = (population.init(jax.random.key(s), jnp.arange(3), spec, params) for s in (0, 1))
    centers = np.concatenate([first.members.synapses.center, second.members.synapses.center])
    assert len(np.unique(centers[:, 0])) == 6


def test_each_member_has_its_own_numbers():
    spec, params = preset("iros2018")
    params = population.share(params, 3)
    rates = params.learning._replace(learning_rate=jnp.array([0.0, 1e-5, 1e-4]))
    params = params._replace(learning=rates)
    start = population.init(jax.random.key(0), jnp.arange(3), spec, params)
    observation, flags = np.ones((3, 24), np.float32), np.zeros(3, bool)
    state, _, _ = population.step(start, observation, np.ones(3), flags, flags, spec, params)
    moved = np.abs(state.members.synapses.center - start.members.synapses.center).max(axis=1)
    assert moved[0] == 0
    np.testing.assert_allclose(moved[2] / moved[1], 10, rtol=0.05)


@pytest.mark.parametrize("seed", [0, 1, 2**32 - 1])
def test_keys_of_small_seeds_are_those_of_jax(seed):
    np.testing.assert_array_equal(
        jax.random.key_data(population.run_key(seed)), jax.random.key_data(jax.random.key(seed))
    )


def test_every_seed_of_64_bits_has_a_stream_of_its_own():
    """Seeds that agree in their low, or in their high, 32 bits draw other controllers."""
    seeds = (0, 2**32, 2**63, 2**64 - 1, 2**32 - 1)
    spec, params = preset("iros2018")
    params = population.share(params, 2)
    centers = [
        population.init(population.run_key(seed), jnp.arange(2), spec, params).members.synapses.center for seed in seeds
    ]
    assert len({np.asarray(center).tobytes() for center in centers}) == len(seeds)
