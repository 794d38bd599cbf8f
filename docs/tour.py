# ---
# jupyter:
#   kernelspec: {display_name: Python 3, language: python, name: python3}
# ---

# %% [markdown]
# # Tour
#
# From one oscillating weight to a comparison of two runs, in five steps. `make docs` executes this page. Open it as a
# notebook: `jupytext --to ipynb docs/tour.py`.

# %%
import tempfile
from pathlib import Path

import gymnasium
import jax
import numpy as np
import pandas
from matplotlib import pyplot as plt

from dsjax import controller, presets, synapse
from dsjax.analysis.comparison import compare
from dsjax.analysis.summary import group_rows
from dsjax.config import loading
from dsjax.plotting.diagrams import teach
from dsjax.training.runtime import prepare
from dsjax.training.trainer import Trainer

# %% [markdown]
# ## 1. Step a synapse and see it oscillate
#
# A weight oscillates around its center. Each cycle has a new period.

# %%
_, params = presets.preset("iros2018")


def tick(state, key):
    """Advance three synapses by one environment step."""
    state = synapse.step(key, state, params.synapse, dt=controller.TIME_STEP)
    return state, state.weight


start = synapse.init(jax.random.key(0), (3,), params.synapse)
_, weights = jax.lax.scan(tick, start, jax.random.split(jax.random.key(1), 3000))
seconds = np.arange(3000) * controller.TIME_STEP / 1000
plt.plot(seconds, weights)
plt.xlabel("controller time [s]")
plt.ylabel("weight")
# %% [markdown]
# ## 2. Teach one synapse a target
#
# The reward is -(weight - goal)². The center moves to the goal, and the oscillation fades.

# %%
seen = teach(jax.random.key(3), steps=18_000, goal=0.4)
seconds = np.arange(18_000) * controller.TIME_STEP / 1000
plt.plot(seconds, seen["weight"], linewidth=0.5, label="weight")
plt.plot(seconds, seen["center"], label="center")
plt.axhline(0.4, linestyle="--", color="black", label="goal")
plt.xlabel("controller time [s]")
plt.legend()
# %% [markdown]
# ## 3. Load a shipped walker and watch it
#
# `policy` acts with the frozen centers: nothing oscillates, learns or adapts.

# %%
spec, params, state = presets.load("pretrained:ambler")
policy, key = controller.make_policy(spec), jax.random.key(0)
env = gymnasium.make("BipedalWalker-v3", render_mode="rgb_array")
observation, _ = env.reset(seed=8_000_000_000)
starts, over, rewards, frames = True, False, [], []
while not over:
    state, action, _ = policy(key, state, observation, starts, params)
    observation, reward, terminated, truncated, _ = env.step(np.asarray(action))
    starts, over = False, terminated or truncated
    rewards.append(reward)
    if len(rewards) in (100, 108, 116, 124):
        frames.append(env.render())
env.close()
figure, axes = plt.subplots(1, 4, figsize=(10, 2.5))
for axis, frame in zip(axes, frames, strict=False):
    axis.imshow(frame[150:, :400])
    axis.set_axis_off()
print(f"return {sum(rewards):.0f} in {len(rewards)} steps")

# %% [markdown]
# ## 4. Train, and read the run with pandas
#
# Two members for 20,000 steps each: enough to see the files, too short to walk.

# %%
folder = Path(tempfile.mkdtemp())
settings = {
    "members": 2, "steps": 20_000, "round_steps": 10_000, "episodes": 0, "evaluation": {"every": 1, "episodes": 2},
    "environment": {"backend": "sync"},
}  # fmt: skip
prepare(2)
for preset in ("iros2018", "readme"):
    Trainer(loading.build({"preset": preset} | settings), folder / preset).run()
episodes = pandas.read_parquet(folder / "iros2018" / "episodes")
episodes.groupby(["member", "outcome"])["return"].describe()

# %% [markdown]
# ## 5. Compare two runs
#
# Statistics are over members. Frozen returns are of held-out terrains.

# %%
rows = pandas.DataFrame(group_rows(compare([folder / "iros2018", folder / "readme"])))
rows[["group", "members", "training_iqm", "frozen_iqm", "fall_rate"]]
