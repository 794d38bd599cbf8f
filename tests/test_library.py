"""The library as others import it."""

import importlib
import subprocess
import sys

import gymnasium
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from helpers import ROOT

import dsjax
from dsjax import controller, learning, population, presets, synapse
from dsjax.evaluation.controllers import load_controllers
from dsjax.evaluation.score import play
from dsjax.hyperparameters import LearningSpec
from dsjax.training.packing import pack
from dsjax.training.rollout import packed_copy, training_step

KEY = jax.random.key(0)
MODULES = ("oscillator", "synapse", "neuron", "learning", "observation", "controller", "population", "presets")


def test_the_package_names_what_it_offers():
    assert set(MODULES) <= set(dsjax.__all__) <= set(dir(dsjax))
    for name in MODULES:
        module = getattr(dsjax, name)
        assert module is importlib.import_module(f"dsjax.{name}")
        assert [public for public in module.__all__ if not hasattr(module, public)] == []
    with pytest.raises(AttributeError, match="module 'dsjax' has no attribute"):
        _ = dsjax.nothing


def test_the_package_is_typed():
    assert (ROOT / "dsjax" / "py.typed").exists()


def test_a_shipped_walker_walks_in_ones_own_loop():
    """The loop of the README, to the return that scoring finds for the same terrain."""
    spec, params, state = presets.load("pretrained:ambler")
    policy = controller.make_policy(spec)
    env = gymnasium.make("BipedalWalker-v3")
    observation, _ = env.reset(seed=8_000_000_000)  # the first terrain of test-v1
    starts, over, total = True, False, 0.0
    while not over:
        state, action, _ = policy(KEY, state, observation, starts, params)
        observation, reward, terminated, truncated, _ = env.step(np.asarray(action))
        starts, over, total = False, terminated or truncated, total + reward
    scored = play(load_controllers("pretrained:ambler"), [0], range(1), backend="sync")["return"][0]
    assert total == pytest.approx(scored, abs=3)  # a lone controller may round otherwise than a population
    assert total > 300


@pytest.mark.parametrize("name", presets.trained())
def test_every_trained_controller_loads_as_the_program_loads_it(name):
    spec, params, state = presets.load(name)
    whole = load_controllers(f"pretrained:{name}")
    assert spec == whole.config.spec()
    assert params == whole.config.params()
    jax.tree.map(lambda one, many: np.testing.assert_array_equal(one, many[0]), state, whole.state.members)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("pretrained:nobody", "no trained controller 'pretrained:nobody'; there are ambler, pacer"),
        ("absent.npz", "absent.npz: is no controller's file, or damaged"),
        (str(ROOT / "LICENSE") + ".npz", "is no controller's file, or damaged"),
    ],
)
def test_what_cannot_be_loaded_is_said(name, message):
    with pytest.raises(ValueError, match=message):
        presets.load(name)


def test_a_jitted_step_is_the_step_of_training():
    spec, params = presets.preset("readme")
    params = population.share(params, 2)
    whole, halves = population.make_step(spec), training_step(spec)
    one = population.init(KEY, jnp.arange(2), spec, params)
    other = packed_copy(one)
    rng = np.random.default_rng(0)
    starts, ends = np.array([True, True]), np.zeros(2, bool)
    for tick in range(40):  # over a draw of periods
        observation, reward = rng.normal(size=(2, 24)).astype(np.float32), rng.normal(size=2).astype(np.float32)
        one, action, _ = whole(one, observation, reward, starts, ends, params)
        other, same, _ = halves(tick, other, observation, reward, starts, ends, pack(params))
        np.testing.assert_allclose(action, same, atol=1e-5)
        starts = np.zeros(2, bool)
    assert int(one.tick) == 40
    assert whole._cache_size() == 1


def clipped(params):
    """A transformation of one's own: centers move by at most a thousandth a step."""
    return optax.chain(optax.clip(1e-3), optax.sgd(params.learning_rate))


@pytest.mark.parametrize("how", ["function", "name"])
def test_a_transformation_of_ones_own_moves_the_centers(how, monkeypatch):
    sys.modules["mine"] = type(sys)("mine")
    sys.modules["mine"].clipped = clipped
    own = LearningSpec(optimizer=clipped if how == "function" else "mine:clipped")
    published = presets.preset("iros2018")[1]
    params = published._replace(learning=published.learning._replace(learning_rate=1.0))
    synapses = synapse.init(KEY, (30,), params.synapse)
    state = learning.init(synapses, own, params.learning)
    _, after = learning.step(state, synapses, 100.0, 0.5, own, params.learning, params.synapse, 33.0)
    moved = np.abs(after.center - synapses.center)
    assert 0 < moved.max() <= 1.001e-3
    del sys.modules["mine"]


def test_a_transformation_that_is_not_there_is_said():
    spec, params = LearningSpec(optimizer="absent.module:it"), presets.preset("iros2018")[1]
    with pytest.raises(ValueError, match=r"optimizer = 'absent\.module:it': cannot be imported"):
        learning.init(synapse.init(KEY, (3,), params.synapse), spec, params.learning)


def test_the_library_loads_jax_and_optax_alone():
    """Of what a training needs, nothing is loaded, nor anything outside jax, optax and what these bring along."""
    code = (
        "import jax, optax, sys; before = set(sys.modules)\n"
        f"from dsjax import {', '.join(MODULES)}\n"
        "print(sorted({name.split('.')[0] for name in set(sys.modules) - before}))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    added = set(eval(done.stdout))
    third_party = {name for name in added if name not in sys.stdlib_module_names and not name.startswith("_")}
    assert third_party <= {
        "dsjax",
        "numpy",
        "jaxtyping",
        "wadler_lindig",
    }  # the last two where they are installed, for tests
