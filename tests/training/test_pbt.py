import re

import jax
import jax.numpy as jnp
import numpy as np
import pyarrow.compute as pc
import pytest

from dsjax.analysis.comparison import compare
from dsjax.cli.branch import find_row
from dsjax.config import loading
from dsjax.errors import RunError
from dsjax.evaluation import recording
from dsjax.evaluation.controllers import load_controllers
from dsjax.storage import hyperparameters
from dsjax.storage.run import read_run
from dsjax.storage.states import untrained
from dsjax.storage.tables import SCHEMAS, read_table
from dsjax.training import pbt
from dsjax.training.trainer import Trainer

RATE, PERIOD = "learning.learning_rate", "synapse.period"
SCORES = np.array([5.0, np.nan, 30.0, -80.0, 20.0, 10.0, 40.0, 0.0])
TINY = {
    "members": 4, "steps": 1200, "round_steps": 400, "environment": {"backend": "sync"},
    "evaluation": {"every": 2, "episodes": 1}, "selection": {"every": 1, "share": 0.5, "keys": [RATE, PERIOD]},
}  # fmt: skip


def tiny(**changes):
    return loading.build(TINY | changes)


@pytest.fixture(scope="module")
def eight():
    """Return a config with selection, its state with member 6 stopped, and its params, all of them different."""
    settings = tiny(members=8)
    state = untrained(settings)
    params = settings.population_params()
    rates = {RATE: jnp.linspace(1e-5, 8e-5, 8), PERIOD: jnp.linspace(20000.0, 27000.0, 8)}
    return settings, state._replace(running=state.running.at[6].set(False)), hyperparameters.replaced(params, rates)


def test_the_worst_go_on_as_some_of_the_best(eight):
    settings, state, params = eight
    chosen = pbt.select(settings, 3, SCORES, state, params)
    copies, kept = [1, 3, 6, 7], [0, 2, 4, 5]  # without an episode, worst, stopped, and last but these
    assert list(chosen.source[kept]) == kept
    assert set(chosen.source[copies]) <= set(kept)
    assert chosen.state.running.all()
    parents = {tuple(pbt.select(settings, n, SCORES, state, params).source[copies]) for n in range(20)}
    assert {parent for drawn in parents for parent in drawn} == set(kept)


def test_copies_keep_their_streams_and_all_else_is_bit_equal(eight):
    settings, state, params = eight
    chosen = pbt.select(settings, 3, SCORES, state, params)
    assert chosen.state.tick == state.tick
    np.testing.assert_array_equal(chosen.state.key, state.key)
    for old, new in zip(*map(jax.tree.leaves, (state.members, chosen.state.members)), strict=True):
        np.testing.assert_array_equal(new, old[chosen.source])
    assert jax.tree.map(jax.typeof, (chosen.state, chosen.params)) == jax.tree.map(jax.typeof, (state, params))
    untouched = {key: np.zeros(8) for key in (RATE, PERIOD)}
    for old, new in zip(
        *(jax.tree.leaves(hyperparameters.replaced(p, untouched)) for p in (params, chosen.params)), strict=True
    ):
        np.testing.assert_array_equal(new, old)


def test_numbers_change_by_the_factor_or_its_inverse(eight):
    settings, state, params = eight
    seen = set()
    for number in range(10):
        chosen = pbt.select(settings, number, SCORES, state, params)
        for key, values in hyperparameters.varied(settings, chosen.params).items():
            before = hyperparameters.varied(settings, params)[key][chosen.source]
            higher, lower = before * np.float32(1.2), before / np.float32(1.2)
            copies = chosen.source != np.arange(8)
            np.testing.assert_array_equal(values[~copies], before[~copies])
            assert ((values == higher) | (values == lower))[copies].all()
            seen |= {(key, bool(up)) for up in (values == higher)[copies]}
    assert seen == {(key, up) for key in (RATE, PERIOD) for up in (True, False)}


def test_a_number_stays_in_the_range_of_its_key(eight):
    settings, state, params = eight
    params = hyperparameters.replaced(params, {PERIOD: jnp.full(8, 5500.0)})  # 5000 is the least
    periods = [pbt.select(settings, number, SCORES, state, params).params.synapse.period for number in range(5)]
    assert set(np.concatenate(periods).tolist()) == {5500.0, float(np.float32(5500) * np.float32(1.2))}


def test_lineage_says_who_copied_whom_and_what_changed(eight):
    settings, state, params = eight
    chosen = pbt.select(settings, 3, SCORES, state, params)
    rows = [dict(zip(chosen.lineage, row, strict=True)) for row in zip(*chosen.lineage.values(), strict=True)]
    assert [(row["member"], row["key"]) for row in rows] == [(m, k) for m in (1, 3, 6, 7) for k in (RATE, PERIOD)]
    for row in rows:
        before, after = (hyperparameters.varied(settings, p)[row["key"]] for p in (params, chosen.params))
        assert row["parent"] == chosen.source[row["member"]]
        assert (row["before"], row["after"]) == (before[row["parent"]], after[row["member"]])
        assert row["parent_score"] == SCORES[row["parent"]]
        assert row["score"] == {1: -np.inf, 3: -80.0, 6: -np.inf, 7: 0.0}[row["member"]]
    assert list(chosen.lineage) == SCHEMAS["selections"].names


def test_chance_follows_from_the_seed_and_the_round_alone(eight):
    _, state, params = eight

    def selected(seed, number):
        chosen = pbt.select(tiny(members=8, seed=seed), number, SCORES, state, params)
        return chosen.lineage | {"round": 0}

    assert selected(0, 3) == selected(0, 3)
    assert selected(0, 3) != selected(0, 4)
    assert selected(0, 3) != selected(1, 3)


@pytest.mark.parametrize(
    ("score", "share", "source"),
    [
        ([1.0, 2.0, 3.0], 0.1, [2, 1, 2]),  # one at least
        ([1.0, 2.0, 3.0], 0.5, [2, 1, 2]),  # half at most
        ([7.0, 7.0, 7.0, 7.0], 0.5, [0, 1, 2, 3]),  # nobody lags
        ([-np.inf, -np.inf, -np.inf], 0.5, [0, 1, 2]),  # nobody to copy
        ([-np.inf, -np.inf, -np.inf, 1.0], 0.5, [0, 3, 3, 3]),  # of those alike the first are the better
        ([5.0], 0.5, [0]),
    ],
)
@pytest.mark.parametrize("chance", [0.0, 0.999])
def test_ties_and_members_without_a_score(score, share, source, chance):
    assert list(pbt.sources(np.array(score), share, np.full(len(score), chance))) == source


def test_off_is_the_default_and_changes_nothing():
    plain = loading.build({"members": 3})
    assert not any(pbt.due(plain, number) for number in range(100))
    assert hyperparameters.arrays(plain, plain.population_params()) == {} == hyperparameters.restored(plain, {})
    assert [pbt.due(tiny(selection={"every": 2}), number) for number in (1, 2, 3, 4)] == [False, True] * 2


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """Return the Trainer of a small finished run with selection."""
    trainer = Trainer(tiny(), tmp_path_factory.mktemp("selected") / "run")
    trainer.run()
    return trainer


def test_a_run_records_who_copied_whom(run):
    rows = read_run(run.folder).selections.to_pylist()
    assert {row["round"] for row in rows} == {1, 2, 3}
    episodes = read_table(run.folder, "episodes")
    completed = episodes.filter(pc.and_(pc.equal(episodes["round"], 1), pc.not_equal(episodes["outcome"], "cut")))
    means = dict.fromkeys(range(4), -np.inf)
    for member in completed["member"].unique().to_pylist():
        means[member] = pc.mean(completed.filter(pc.equal(completed["member"], member))["return"]).as_py()
    for row in (row for row in rows if row["round"] == 1):
        assert row["score"] == pytest.approx(means[row["member"]])
        assert row["parent_score"] == pytest.approx(means[row["parent"]])
        assert row["score"] < row["parent_score"]


def test_a_run_without_selection_has_no_lineage(small_runs):
    assert len(read_run(small_runs / "a").selections) == 0
    assert not (small_runs / "a" / "selections").exists()


def test_the_numbers_of_a_snapshot_are_the_members(run):
    loaded = load_controllers(run.folder)
    jax.tree.map(np.testing.assert_array_equal, loaded.params(), run.params)
    rates = np.asarray(run.params.learning.learning_rate)
    assert len(set(rates.tolist())) > 1
    first = load_controllers(run.folder, "0").params()
    jax.tree.map(np.testing.assert_array_equal, first, run.config.population_params())
    for member in range(4):
        own = loaded.alone(member)
        assert (own.learning.learning_rate, own.synapse.period) == (rates[member], run.params.synapse.period[member])
        assert own.rows == 1
    recorded = recording.record(loaded, 0, "learning")
    assert recorded.modulator.any()


def test_members_are_told_apart_from_independent_ones(run, small_runs):
    compared = compare([run.folder, small_runs / "a"], by=["selection.every"])
    assert [group.label for group in compared.groups] == ["selection every 1", "selection every 0"]
    (note,) = [note for note in compared.notes if "independent" in note]
    assert note.startswith("selection every 1: trained with selection.every = 1: its members copied each other")
    compared = compare([run.folder, small_runs / "a"])
    labels = [group.label for group in compared.groups]
    [row] = [row for row in compared.differences if row["key"] == "selection.every"]
    assert [row[label] for label in labels] == [1, 0]


def test_a_member_alone_is_branched_from_but_not_trained_again(run):
    row = find_row(run.folder, 0, 2)
    with pytest.raises(RunError, match=re.escape("trained with selection.every = 1: its members copied each other")):
        row.config()
    branch = row.branch()
    assert branch.learning.learning_rate == run.params.learning.learning_rate[2]
    assert (branch.selection.every, branch.parent.round, branch.parent.member) == (0, 3, 2)
