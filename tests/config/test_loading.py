import dataclasses
import math
import subprocess
import sys
from dataclasses import replace

import jax
import pytest
from helpers import ROOT

from dsjax.config import loading
from dsjax.config.schema import HYPERPARAMETERS
from dsjax.controller import ControllerParams, ControllerSpec
from dsjax.errors import ConfigError
from dsjax.presets import PRESETS, preset

CONFIGS = sorted((ROOT / "configs").glob("*.toml"))


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.stem)
def test_shipped_configs_load_and_survive_a_round_trip(path, tmp_path):
    loaded = loading.read_config(path)
    (tmp_path / "again.toml").write_text(loading.to_toml(loaded))
    assert loading.read_config(tmp_path / "again.toml") == loaded


@pytest.mark.parametrize("name", PRESETS)
def test_preset_configs_are_complete_and_say_what_the_library_does(name):
    import tomllib

    path = ROOT / "configs" / f"{name}.toml"
    stated = tomllib.loads(path.read_text())
    loaded = loading.read_config(path)
    assert loading.flatten(stated).keys() == loading.flatten(dataclasses.asdict(loaded)).keys()
    assert (loaded.spec(), loaded.params()) == preset(name)


def test_every_field_of_the_library_can_be_configured():
    spec = dataclasses.replace(
        ControllerSpec(), adaptation="none", squash_inputs=False, negative_half=True, oscillators_first=True
    )
    built = loading.build({
        "neuron": {"adaptation": "none", "target": 0.1},
        "controller": {"squash_inputs": False, "negative_half": True, "oscillators_first": True, "hull_scale": 2.0},
        "learning": {"optimizer": "adam", "momentum": 0.5},
    })  # fmt: skip
    assert built.spec() == dataclasses.replace(spec, learning=dataclasses.replace(spec.learning, optimizer="adam"))
    params = built.params()
    assert isinstance(params, ControllerParams)
    assert (params.hull_scale, params.neuron.target, params.learning.momentum) == (2.0, 0.1, 0.5)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"membrs": 3}, "unknown key membrs; did you mean members?"),
        ({"learning": {"lerning_rate": 1.0}}, "learning.lerning_rate; did you mean learning.learning_rate?"),
        ({"synapse": {"learning_rate": 1.0}}, "synapse.learning_rate; did you mean learning.learning_rate?"),
        ({"members": "eight"}, "config: members = 'eight': input should be a valid integer"),
        ({"members": True}, "members = True: input should be a valid integer"),
        ({"members": 0}, "members = 0: input should be greater than or equal to 1"),
        ({"learning": {"learning_rate": -1.0}}, "learning_rate = -1.0: input should be greater than or equal to 0"),
        ({"learning": {"learning_rate": math.nan}}, "learning.learning_rate = nan: input should be a finite number"),
        ({"learning": {"repulsive": 1}}, "learning.repulsive = 1: input should be a valid boolean"),
        ({"learning": 3}, "learning = 3: input should be a dictionary"),
        ({"neuron": {"adaptation": "cubic"}}, "adaptation = 'cubic': input should be 'none', 'linear' or 'nonlinear'"),
        ({"points": [{"synapse.amplitud": 0.1}]}, "point 0: unknown key synapse.amplitud; did you mean"),
        ({"points": [{}, {"synapse.amplitude": -1}]}, "point 1: synapse.amplitude = -1.0: input should be greater"),
        ({"points": [{"learning.optimizer": 1}]}, "point 0: learning.optimizer is no number of the controllers"),
        ({"points": [{"synapse.amplitude": "big"}]}, "points.0.synapse.amplitude = 'big': input should be a valid"),
        ({"selection": {"share": 0.6}}, "selection.share = 0.6: input should be less than or equal to 0.5"),
        ({"selection": {"perturb": 0.8}}, "selection.perturb = 0.8: input should be greater than or equal to 1"),
        ({"selection": {"keys": []}}, "selection.keys = []: tuple should have at least 1 item"),
        ({"selection": {"keys": ["learning.rate"]}}, "selection.keys: unknown key learning.rate; did you mean"),
        ({"selection": {"keys": ["learning.optimizer"]}}, "keys: learning.optimizer is no number of the controllers"),
        ({"selection": {"every": 5, "keys": ["synapse.center_range"]}}, "has no effect on members that have begun"),
        ({"selection": {"every": 5, "keys": ["neuron.maximum"]}}, "neuron.maximum = inf stays what it is, times any"),
        ({"selection": {"every": 5}, "members": 1}, "selection.every = 5: a lone member has no other to copy"),
        ({"selection": {"every": 5}, "points": [{}, {}]}, "selection.every = 5: copies would carry numbers from point"),
        ({"selection": {"every": 5}, "restart": {"after": 9}}, "selection.every = 5: members that lag go on"),
        ({"restart": {"after": -1}}, "restart.after = -1: input should be greater than or equal to 0"),
        ({"learning": {"fade_reward": 0.1}}, "learning.fade_reward = 0.1: follows the mean; set learning.ba"),
        ({"seed": 2**64}, f"seed = {2**64}: input should be less than {2**64}"),
        ({"first_member": 2**31}, "first_member = 2147483648: input should be less than"),
        ({"preset": "iros2019"}, "preset = 'iros2019': there is no such preset; there are iros2018, readme"),
    ],
)  # fmt: skip
def test_mistakes_get_one_line_that_names_the_key(values, message):
    with pytest.raises(ConfigError) as caught:
        loading.build(values)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_every_mistake_is_reported():
    with pytest.raises(ConfigError) as caught:
        loading.build({"members": 0, "seed": -1})
    assert len(str(caught.value).splitlines()) == 2


def test_files_that_cannot_be_read(tmp_path):
    with pytest.raises(ConfigError, match=r"absent.toml: cannot be read: No such file"):
        loading.read_config(tmp_path / "absent.toml")
    (tmp_path / "broken.toml").write_text("members = = 3")
    with pytest.raises(ConfigError, match=r"broken.toml: not valid TOML: Invalid value"):
        loading.read_config(tmp_path / "broken.toml")


def test_differences_name_keys_and_values():
    old, new = loading.build({}), loading.build({"members": 4, "synapse": {"amplitude": 0.3}})
    assert loading.differences(old, new) == {"members": (32, 4), "synapse.amplitude": (0.2, 0.3)}


def test_a_run_may_be_resumed_with_what_does_not_change_its_bits():
    old = loading.build({"environment": {"backend": "envpool"}})
    new = replace(old, steps=7, evaluation=replace(old.evaluation, every=3))
    new = replace(new, environment=replace(old.environment, backend="auto", workers=1))
    assert set(loading.changes(old, new, "run")) == {
        "steps", "evaluation.every", "environment.backend", "environment.workers",
    }  # fmt: skip
    with pytest.raises(ConfigError, match=r"run was started with another config: members \(32 there, 4 here\); leave"):
        loading.changes(old, replace(new, members=4), "run")
    with pytest.raises(ConfigError, match=r"environment\.backend"):
        loading.changes(old, replace(old, environment=replace(old.environment, backend="sync")), "run")


def test_a_run_on_jax_walkers_stays_on_them():
    old = loading.build({"environment": {"backend": "jax"}})
    for backend in ("sync", "envpool"):
        with pytest.raises(ConfigError, match=rf"environment\.backend \('jax' there, '{backend}' here\)"):
            loading.changes(old, replace(old, environment=replace(old.environment, backend=backend)), "run")
    assert loading.changes(old, replace(old, environment=replace(old.environment, backend="auto")), "run")


@pytest.mark.parametrize("decided", [{"rest_when_solved": True}, {"restart": {"after": 1000}}])
def test_evaluations_may_not_change_where_they_decide_who_trains_on(decided):
    old = loading.build(decided)
    with pytest.raises(ConfigError, match=r"evaluation.episodes \(10 there, 20 here\)"):
        loading.changes(old, replace(old, evaluation=replace(old.evaluation, episodes=20)), "run")


@pytest.mark.parametrize(
    ("key", "meant"),
    [
        ("learning.lr", ["learning.learning_rate"]),
        ("lr", ["learning.learning_rate"]),
        ("synapse.amp", ["synapse.amplitude"]),
        ("num_steps", ["steps", "round_steps"]),
        ("environment.num_workers", ["environment.workers"]),
        ("learning.decay", ["learning.signed_decay", "learning.amplitude_decay", "learning.weight_decay"]),
    ],
)
def test_an_unknown_key_is_answered_with_those_a_person_would_mean(key, meant):
    assert loading.unknown_key(key) == f"unknown key {key}; did you mean {' or '.join(meant)}?"


@pytest.mark.parametrize("seed", [0, 2**32, 2**63, 2**64 - 1])
def test_seeds_of_64_bits_survive_a_round_trip(tmp_path, seed):
    (tmp_path / "run.toml").write_text(loading.to_toml(loading.build({"seed": seed})))
    assert loading.read_config(tmp_path / "run.toml").seed == seed


def test_seeds_are_told_apart_to_the_last_digit():
    labels = {loading.described("seed", seed) for seed in (2**64 - 1, 2**64 - 2)}
    assert labels == {f"seed {2**64 - 1}", f"seed {2**64 - 2}"}


def test_reading_a_config_does_not_load_jax():
    code = "import sys; from dsjax.config import loading; loading.build({}); print('jax' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


def test_free_keys_exist():
    assert set(loading.FREE_KEYS) <= set(loading.flatten(dataclasses.asdict(loading.build({}))))


def test_every_point_has_all_members_in_rows_of_its_own():
    values = {"members": 2, "first_member": 5, "seed": 3, "synapse": {"amplitude": 0.4}}
    points = [{"learning.learning_rate": 1e-5, "synapse.period": 9000}, {"learning.learning_rate": 2e-5}]
    built = loading.build(values | {"points": points})
    assert (built.rows, built.identities()) == (4, [5, 6, 5, 6])
    row = built.row(1)
    assert row == loading.build(
        values | {"members": 1, "first_member": 6, "learning": {"learning_rate": 1e-5},
                  "synapse": {"amplitude": 0.4, "period": 9000.0}}
    )  # fmt: skip
    assert (row.rows, row.row(0)) == (1, row)
    params = built.population_params()
    assert params.learning.learning_rate.tolist() == pytest.approx([1e-5, 1e-5, 2e-5, 2e-5])
    assert params.synapse.period.tolist() == [9000, 9000, 20000, 20000]
    assert params.synapse.amplitude.tolist() == pytest.approx([0.4] * 4)
    # The same types as without points: the same compiled program.
    plain = loading.build({"members": 4}).population_params()
    assert jax.tree.map(jax.typeof, params) == jax.tree.map(jax.typeof, plain)


def test_points_survive_a_round_trip(tmp_path):
    built = loading.build({"points": [{"learning.learning_rate": 0.1 + 0.2}, {"neuron.maximum": math.inf}]})
    (tmp_path / "run.toml").write_text(loading.to_toml(built))
    assert loading.read_config(tmp_path / "run.toml") == built


def test_every_number_of_the_controllers_may_be_a_point():
    params = loading.build({}).params()
    nested = {name: getattr(params, name) for name in ("oscillator", "synapse", "neuron", "learning")}
    assert set(HYPERPARAMETERS) == {
        *(f"controller.{key}" for key in params._fields if key not in nested),
        *(f"{name}.{key}" for name, section in nested.items() for key in section._fields),
    }
    assert len(HYPERPARAMETERS) == len(jax.tree.leaves(loading.build({}).params()))
    assert set(HYPERPARAMETERS) <= set(loading.flat(loading.build({})))
