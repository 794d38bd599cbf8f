"""Properties that hold for any input, over examples that hypothesis draws and, where one fails, makes small."""

import tempfile
from contextlib import suppress
from itertools import pairwise
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import tomli_w
from helpers import Stop, assert_same_run
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dsjax import population, synapse
from dsjax.config import loading
from dsjax.config.schema import DECLARED, HYPERPARAMETERS
from dsjax.errors import ConfigError
from dsjax.hyperparameters import SynapseParams
from dsjax.presets import PRESETS, preset
from dsjax.storage import snapshots
from dsjax.sweeps.plan import make_plan
from dsjax.sweeps.spec import Sweep
from dsjax.training import pbt
from dsjax.training.episode_stats import EpisodeStats
from dsjax.training.trainer import Trainer

# The same examples in every run: a test that fails today failed for whoever changed the code.
settings.register_profile("dsjax", derandomize=True, deadline=None, suppress_health_check=list(HealthCheck))
settings.load_profile("dsjax")


def value_of(key):
    """Return a strategy of the values that a key of the hyperparameters may have."""
    section, name = key.split(".")
    kind, declared = DECLARED[section][name]
    if kind is not float:
        return st.booleans() if kind is bool else st.sampled_from(("none", "linear", "nonlinear"))
    low = declared.ge if declared.ge is not None else declared.gt
    high = declared.le if declared.le is not None else declared.lt
    return st.floats(
        low if low is not None else -1e6, high if high is not None else max(1e6, low or 0), allow_nan=False,
        exclude_min=declared.gt is not None, exclude_max=declared.lt is not None,
    )  # fmt: skip


@st.composite
def configs(draw):
    """Draw the values of a config that can be run."""
    keys = draw(st.lists(st.sampled_from([*HYPERPARAMETERS, "neuron.adaptation", "learning.repulsive"]), unique=True))
    values = {"preset": draw(st.sampled_from(list(PRESETS))), "members": draw(st.integers(1, 2**30))}
    values |= {"seed": draw(st.integers(0, 2**64 - 1)), "steps": draw(st.integers(0, 2**60))}
    for key in keys:
        section, name = key.split(".")
        values.setdefault(section, {})[name] = draw(value_of(key))
    learning = values.get("learning", {})
    if "fade_reward" in learning and not np.isfinite(learning.get("baseline_time", np.inf)):
        learning["baseline_time"] = 1000.0
    return values


@given(configs())
def test_a_config_survives_toml(values):
    config = loading.build(values)
    text = loading.to_toml(config)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "config.toml"
        path.write_text(text)
        assert loading.read_config(path) == config


@given(st.sampled_from([key for key in HYPERPARAMETERS if key != "controller.hull_scale"]), st.floats())
def test_no_number_outside_its_bounds_is_taken(key, value):
    section, name = key.split(".")
    declared = DECLARED[section][name][1]
    inside = (
        not np.isnan(value)
        and (np.isfinite(value) or not declared.finite)
        and (declared.ge is None or value >= declared.ge)
        and (declared.gt is None or value > declared.gt)
        and (declared.le is None or value <= declared.le)
        and (declared.lt is None or value < declared.lt)
    )
    values = {section: {name: value}}
    if name == "fade_reward":
        values["learning"]["baseline_time"] = 1.0
    if inside:
        assert getattr(getattr(loading.build(values), section), name) == value
    else:
        with pytest.raises(ConfigError, match=rf"^config: {key} = "):
            loading.build(values)


NESTED = st.recursive(
    st.integers() | st.text(max_size=3),
    lambda inner: st.dictionaries(st.text("abc", min_size=1, max_size=2), inner, max_size=3),
    max_leaves=12,
).filter(lambda value: isinstance(value, dict))


@given(NESTED, NESTED)
def test_merging_takes_the_second_where_it_says_something(base, values):
    merged = loading.merge(base, values)
    flat = loading.flatten(merged)
    for key, value in loading.flatten(values).items():
        assert flat[key] == value
    assert loading.merge(merged, values) == merged
    assert loading.merge(base, {}) == base


@given(NESTED)
def test_flattened_keys_lead_to_their_values(values):
    for key, value in loading.flatten(values).items():
        found = values
        for part in key.split("."):
            found = found[part]
        assert found == value
    tomli_w.dumps(values)  # what is flattened is what a config may hold


@st.composite
def steps_and_cuts(draw):
    ticks, members = draw(st.integers(1, 40)), draw(st.integers(1, 3))
    seed, cuts = draw(st.integers(0, 2**31)), draw(st.lists(st.integers(0, ticks), max_size=5))
    return ticks, members, seed, sorted({0, *cuts, ticks})


@given(steps_and_cuts())
def test_episode_statistics_do_not_depend_on_how_steps_are_handed_over(drawn):
    ticks, members, seed, cuts = drawn
    rng = np.random.default_rng(seed)
    reward, speed = rng.normal(size=(2, ticks, members))
    terminated, truncated = rng.random((2, ticks, members)) < 0.1
    stepped = rng.random((ticks, members)) < 0.9
    columns = reward, terminated, truncated, stepped, speed.astype(np.float32)
    whole, parts = EpisodeStats(members), EpisodeStats(members)
    whole.observe(*columns)
    for start, end in pairwise(cuts):
        parts.observe(*(column[start:end] for column in columns))
    one, other = whole.end_round(1), parts.end_round(1)
    rows = [sorted(zip(*(each[name] for name in one), strict=True)) for each in (one, other)]
    assert rows[0] == rows[1]
    for name, value in whole.arrays().items():
        np.testing.assert_array_equal(value, parts.arrays()[name], err_msg=name)
    assert sum(row[4] for row in rows[0]) == stepped.sum()  # every step is in an episode


@given(
    st.lists(st.one_of(st.just(-np.inf), st.floats(-200, 350)), min_size=2, max_size=12),
    st.floats(0.01, 0.5),
    st.integers(0, 2**31),
)
def test_selection_replaces_the_worst_by_better_ones(scores, share, seed):
    score = np.array(scores)
    source = pbt.sources(score, share, np.random.default_rng(seed).random(len(score)))
    copies = np.flatnonzero(source != np.arange(len(score)))
    most = min(max(1, int(share * len(score))), len(score) // 2)
    assert len(copies) <= most
    assert (score[source[copies]] > score[copies]).all()
    assert not set(source[copies]) & set(copies)  # a parent stays
    kept = np.setdiff1d(np.arange(len(score)), copies)
    if len(copies):
        assert score[copies].max() <= score[source[copies]].min()
        assert score[copies].max() <= np.sort(score)[: len(copies) + len(kept)].max()


@given(
    st.integers(1, 5), st.integers(1, 40),
    st.lists(st.floats(1e-6, 1e-3), min_size=1, max_size=5, unique=True),
    st.lists(st.sampled_from(["sgd", "momentum", "adam"]), min_size=1, max_size=3, unique=True),
)  # fmt: skip
def test_the_jobs_of_a_plan_share_out_its_points(seeds, rows, rates, optimizers):
    base = {"steps": 100, "environment": {"workers": 1, "backend": "sync"}}
    grid = {"learning.learning_rate": rates, "learning.optimizer": optimizers}
    plan = make_plan(Sweep(seeds=seeds, rows=rows, base=base, grid=grid), "mine")
    points = [point for job in plan.jobs for point in job.points]
    assert sorted(points) == list(range(len(rates) * len(optimizers)))
    for job in plan.jobs:
        assert job.config.rows == seeds * len(job.points) <= max(rows, seeds)
        for place, point in enumerate(job.points):
            row = job.config.row(place * seeds)
            assert row.learning.learning_rate == plan.points[point]["learning.learning_rate"]
            assert row.learning.optimizer == plan.points[point]["learning.optimizer"]
    assert len({job.name for job in plan.jobs}) == len(plan.jobs)


@given(st.integers(0, 2**32 - 1), st.integers(1, 4), st.sampled_from(list(PRESETS)))
@settings(max_examples=10)
def test_a_state_survives_being_flattened(seed, members, name):
    spec, params = preset(name)
    state = population.init(jax.random.key(seed), jnp.arange(members), spec, population.share(params, members))
    back = snapshots.unflatten(snapshots.flatten(state), jax.eval_shape(lambda: state))
    jax.tree.map(np.testing.assert_array_equal, state, back)


@jax.jit
def swing(params, moves, steps):
    """Return the largest distance of weights from their centers over amplitude, after any steps and moves."""
    synapses = synapse.init(jax.random.key(0), (20,), params)

    def body(synapses, now):
        key, dt, move, faded = now
        synapses = synapse.step(key, synapses, params, dt)
        synapses = synapse.fade(synapse.at_center(synapses, synapses.center + move, params), faded)
        synapses = synapse.at_center(synapses, synapses.center, params)
        away = jnp.abs(synapses.weight - synapses.center)
        return synapses, jnp.max(away - synapse.amplitude(synapses, params))

    keys = jax.random.split(jax.random.key(1), len(steps))
    return jnp.max(jax.lax.scan(body, synapses, (keys, steps, *moves))[1])


@given(
    st.floats(0, 2), st.floats(5000, 60_000), st.floats(0, 0.2), st.floats(0, 3),
    st.lists(st.floats(0, 1000, width=32), min_size=30, max_size=30),
    st.lists(st.floats(-0.125, 0.125, width=32), min_size=60, max_size=60),
)  # fmt: skip
@settings(max_examples=50)
def test_a_weight_is_never_farther_from_its_center_than_the_amplitude(amplitude, period, cv, reach, steps, moves):
    params = SynapseParams(*(jnp.float32(value) for value in (amplitude, period, cv, reach)))
    moved = jnp.array(moves[:30], jnp.float32), jnp.array(moves[30:], jnp.float32)
    assert swing(params, moved, jnp.array(steps, jnp.float32)) <= 1e-5 * max(1.0, amplitude, reach)


ROUNDS = 6
# What happens to a run: (limit in rounds, snapshot to go back to, (round, tick) of a kill, rounds between snapshots).
EVENTS = st.tuples(
    st.integers(1, ROUNDS), st.none() | st.integers(0, ROUNDS),
    st.none() | st.tuples(st.integers(0, 5), st.integers(0, 19)), st.integers(1, 2),
)  # fmt: skip


@given(st.lists(EVENTS, min_size=3, max_size=6))
@settings(max_examples=5)
def test_whatever_is_killed_resumed_rewound_and_extended_is_a_fresh_run(events):
    """A series of all these leaves the files that one undisturbed run to the same end leaves."""

    def tiny(limit, every):
        return loading.build({
            "preset": "iros2018", "members": 2, "first_member": 1, "steps": 20 * limit, "round_steps": 20,
            "synapse": {"center_range": 3.0},  # such walkers fall early, so that evaluations are short
            "environment": {"backend": "sync"}, "evaluation": {"every": 1, "episodes": 1},
            "selection": {"every": 3}, "snapshots": {"every": every, "keep_every": 1},
        })  # fmt: skip

    with tempfile.TemporaryDirectory() as temporary:
        folder, fresh = Path(temporary) / "disturbed", Path(temporary) / "fresh"
        for limit, back, kill, every in events:
            resume, number = folder.exists(), None
            if resume and back is not None and back in snapshots.Snapshots(folder).numbers():
                number = back
            with suppress(KeyboardInterrupt):
                Trainer(tiny(limit, every), folder, [Stop(*kill)] if kill else []).run(resume, number)
        Trainer(tiny(ROUNDS, 1), folder).run(resume=folder.exists())
        Trainer(tiny(ROUNDS, 1), fresh).run()
        assert_same_run(folder, fresh)
        assert not list(folder.rglob(".*.tmp"))
