"""What the learning rule, the controller and a run ask of every kind of fluctuation."""

from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from helpers import Stop, assert_same_run

from dsjax import controller, learning
from dsjax.config import loading
from dsjax.hyperparameters import FLUCTUATIONS
from dsjax.presets import preset
from dsjax.storage.tables import read_table
from dsjax.training.trainer import Trainer

KEY = jax.random.key(0)
EVERY_KIND = pytest.mark.parametrize("name", FLUCTUATIONS)


def begin(name):
    """Return the kind of a name, its params, and synapses of an untrained controller."""
    spec, params = preset("iros2018")
    spec = replace(spec, fluctuation=name)
    state = controller.init(KEY, spec, params)
    return controller.kind(spec), controller.synapse_params(params), state.synapses, (spec, params)


@EVERY_KIND
def test_centers_are_those_of_the_layers_whatever_fluctuates(name):
    kind, params, synapses, _ = begin(name)
    sinusoid = begin("sinusoid")[2]
    assert np.abs(np.asarray(synapses.center)[:362]).max() <= 0.2
    np.testing.assert_array_equal(synapses.center[362:], sinusoid.center[362:])
    moved = kind.at_center(synapses, synapses.center + 1, params)
    np.testing.assert_allclose(moved.weight - synapses.weight, 1, atol=1e-6)


@EVERY_KIND
def test_without_reward_nothing_is_learned_and_at_rest_nothing_moves(name):
    kind, params, synapses, (spec, numbers) = begin(name)
    learned = learning.init(synapses, spec.learning, numbers.learning)
    advance = jax.jit(
        lambda state, now, reward, dt: learning.step(
            *state[:1], kind.draw(now, state[1], params), reward, 0.5, spec.learning, numbers.learning, params, dt, kind
        )
    )
    state = learned, synapses
    for now in jax.random.split(KEY, 50):
        state = advance(state, now, 0.0, 33.0)
    np.testing.assert_array_equal(state[1].center, synapses.center)
    assert float(kind.faded(state[1])) == pytest.approx(0, abs=1e-6)
    assert (state[1].weight != synapses.weight).all()
    still = advance(state, KEY, 1.0, 0.0)
    for field in ("center", "weight"):
        np.testing.assert_array_equal(getattr(still[1], field), getattr(state[1], field))


@EVERY_KIND
def test_fading_adds_up_and_lets_weights_swing_less(name):
    kind, params, synapses, _ = begin(name)
    faded = synapses
    for _ in range(1000):
        faded = kind.fade(faded, 1.2e-3)
    assert float(kind.faded(faded)) == pytest.approx(1.2, rel=5e-3)
    assert (kind.amplitude(faded, params) < 0.6 * kind.amplitude(synapses, params)).all()

    def swing(state):
        def body(state, now):
            state = kind.draw(jax.random.fold_in(KEY, now), state, params)
            state = kind.renew(kind.advance(state, params, 33.0), state.weight)
            return state, state.weight - state.center

        return np.asarray(jax.jit(lambda start: jax.lax.scan(body, start, jnp.arange(4_000))[1])(state))[1_500:].std()

    assert swing(faded) < 0.65 * swing(synapses)
    freed = faded
    for _ in range(500):
        freed = kind.fade(freed, -1e-3)
    assert float(kind.faded(freed)) == pytest.approx(0.7, abs=0.02)


@EVERY_KIND
def test_a_run_of_every_kind_resumes_to_the_same_bits(tmp_path, name):
    config = loading.build({
        "members": 2, "steps": 600, "round_steps": 200, "synapse": {"fluctuation": name},
        "environment": {"backend": "sync"}, "evaluation": {"every": 3, "episodes": 1},
    })  # fmt: skip
    assert config.spec().fluctuation == name
    Trainer(config, tmp_path / "whole").run()
    with pytest.raises(KeyboardInterrupt):
        Trainer(config, tmp_path / "parts", [Stop(1, 100)]).run()
    Trainer(config, tmp_path / "parts").run(resume=True)
    assert_same_run(tmp_path / "whole", tmp_path / "parts")
    rows = read_table(tmp_path / "whole", "members").to_pylist()
    assert all(0.15 < row["amplitude"] < 0.25 for row in rows)
