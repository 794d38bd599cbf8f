"""Another learning rule without touching the package: an optax transformation of one's own.

The rule's gradient is -(m - r) (w - c) dt. What an optax transformation makes of it moves the centers. This one takes
the gradient's sign, as in sign-based descent, so that every center moves at the same speed.

    python examples/learning_rule.py

To train with it, name it in a config, or on the command line, from a folder where Python finds this file:

    PYTHONPATH=examples dsjax train --config solve --members 4 --steps 200000 \
        --learning.optimizer learning_rule:signs --learning.learning-rate 2e-6
"""

from dataclasses import replace

import jax
import optax

from dsjax import controller, presets
from dsjax.hyperparameters import LearningParams, LearningSpec


def signs(params: LearningParams) -> optax.GradientTransformation:
    """Move every center by `learning_rate` per step, up or down."""
    return optax.chain(optax.scale_by_sign(), optax.scale_by_learning_rate(params.learning_rate))


def main() -> float:
    """Train one controller for 100 steps on a reward of its own; return how far its centers have moved."""
    spec, params = presets.preset("iros2018")
    spec = replace(spec, learning=LearningSpec(optimizer=signs))
    state = start = controller.init(jax.random.key(0), spec, params)
    step, zeros = controller.make_step(spec), jax.numpy.zeros(24)
    for key in jax.random.split(jax.random.key(1), 100):
        reward = -abs(state.action).sum()  # rewards standing still
        state, _, _ = step(key, state, zeros, reward, False, False, params)
    moved = abs(state.synapses.center - start.synapses.center)
    print(f"centers moved by {moved.mean():.2g} on average, by {moved.max():.2g} at most")
    return float(moved.max())


if __name__ == "__main__":
    main()
