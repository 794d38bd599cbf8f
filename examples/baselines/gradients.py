"""Gradient methods on the same task: PPO and TD3 of SBX, with the settings that RL-Zoo publishes for it.

A policy of two layers, not the controller of dsjax: what is compared is the steps that a walker costs. PPO's
observations and rewards are normalized, as in RL-Zoo. Steps are counted as a training counts them: of every walker.

    pip install 'dsjax[baselines]'
    python examples/baselines/gradients.py --method PPO --seed 0
    python examples/baselines/gradients.py --method TD3 --seed 0

Settings: hyperparams/ppo.yml and hyperparams/td3.yml of github.com/DLR-RM/rl-baselines3-zoo.
"""

import argparse
import time
from pathlib import Path

import gymnasium
import numpy as np
import sbx
from scoring import TASK, report, score
from stable_baselines3.common.callbacks import BaseCallback
from stable_baselines3.common.noise import NormalActionNoise
from stable_baselines3.common.vec_env import DummyVecEnv, VecNormalize

STEPS = {"PPO": 5_000_000, "TD3": 1_000_000}
WALKERS = {"PPO": 32, "TD3": 1}


def make(method: str, seed: int):
    """Return an untrained model with the published settings, and its walkers."""
    walkers = DummyVecEnv([lambda: gymnasium.make(TASK)] * WALKERS[method])
    if method == "PPO":
        walkers = VecNormalize(walkers, gamma=0.999)
        return sbx.PPO(
            "MlpPolicy", walkers, n_steps=2048, batch_size=64, gae_lambda=0.95, gamma=0.999, n_epochs=10, ent_coef=0.0,
            learning_rate=3e-4, clip_range=0.18, seed=seed,
        )  # fmt: skip
    return sbx.TD3(
        "MlpPolicy", walkers, gamma=0.98, buffer_size=200_000, learning_starts=10_000, learning_rate=1e-3,
        gradient_steps=1, train_freq=1, action_noise=NormalActionNoise(np.zeros(4), 0.1 * np.ones(4)),
        policy_kwargs={"net_arch": [400, 300]}, seed=seed,
    )  # fmt: skip


class Scores(BaseCallback):
    """Scores the policy every so many steps."""

    def __init__(self, method: str, seed: int, every: int, output: Path) -> None:
        """Keep what a report needs."""
        super().__init__()
        self._about, self._every, self._output = (method, seed), every, output
        self._due, self._began, self.scored = every, time.monotonic(), -1

    def _on_step(self) -> bool:
        if self.num_timesteps >= self._due:
            self._due += self._every
            self.record()
        return True

    def record(self) -> None:
        """Score the policy as it is, without its noise, unless that was done."""
        if self.scored == self.num_timesteps:
            return
        self.scored, env = self.num_timesteps, self.training_env

        def act(observation: np.ndarray) -> np.ndarray:
            seen = env.normalize_obs(observation) if isinstance(env, VecNormalize) else observation
            return self.model.predict(seen, deterministic=True)[0]

        seconds = time.monotonic() - self._began
        report(self._output, self._about[0], self._about[1], self.num_timesteps, seconds, score(act))


def train(method: str, seed: int, steps: int, every: int, output: Path) -> None:
    """Train a policy for so many steps of the environment, and score it every so many."""
    model, scores = make(method, seed), Scores(method, seed, every, output)
    model.learn(steps, callback=scores)
    scores.record()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--method", choices=tuple(STEPS), default="PPO")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--steps", type=int, help="5 million for PPO, and 1 million for TD3, if not given")
    parser.add_argument("--every", type=int, default=250_000, help="steps between two scores")
    parser.add_argument("--output", type=Path, default=Path("runs/baselines.jsonl"))
    given = parser.parse_args()
    train(given.method, given.seed, given.steps or STEPS[given.method], given.every, given.output)
