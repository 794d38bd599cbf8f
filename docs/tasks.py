"""Train the examples of other tasks, and draw docs/images/tasks.png: `python docs/tasks.py`, with the extra `examples`.

Eight minutes on one core. All eight seeds of each task are shown, oscillating and learning; points at the end are their
frozen centers.
"""

import sys
from pathlib import Path

import jax
import numpy as np
from matplotlib.figure import Figure

from dsjax.plotting.style import WIDTH, group_color, save, styled

sys.path.insert(0, str(Path(__file__).parent.parent / "examples"))

import halfcheetah
import pendulum
import puckworld

_PARTS = 20  # of a training, whose means are drawn
_IMAGES = Path(__file__).parent / "images"


def puck():
    """Return steps, mean rewards, (8, steps), and those of frozen centers, (8,)."""
    keys = jax.random.split(jax.random.key(0), puckworld.SEEDS)
    rewards, frozen = jax.vmap(puckworld.train)(keys)
    return puckworld.STEPS, np.asarray(rewards), np.asarray(frozen)[:, 1]


def episodes(task):
    """Return the same of a task's module, by episode."""
    returns, centers = task.train()
    return task.STEPS, returns, task.score(centers)


@styled
def draw(found, width: float = WIDTH) -> Figure:
    """Return a figure with a panel for each task."""
    figure = Figure((width, 0.36 * width))
    for axis, (title, (steps, values, frozen)) in zip(figure.subplots(1, len(found)), found.items(), strict=True):
        means = np.stack([part.mean(axis=1) for part in np.array_split(values, _PARTS, axis=1)], axis=1)
        where = (np.arange(_PARTS) + 0.5) / _PARTS * steps / 1000
        axis.plot(where, means.T, color=group_color(0), alpha=0.35)
        axis.plot(where, np.median(means, axis=0), color=group_color(0), linewidth=2)
        axis.plot(np.full(len(frozen), 1.04 * steps / 1000), frozen, "o", color=group_color(1), markersize=3)
        axis.set(title=title, xlabel="steps [thousands]")
        name = title.split(", ")[0]
        print(f"{name}: learning, last part: median {np.median(means[:, -1]):.5g}, worst {means[:, -1].min():.5g};")
        print(f"    frozen: median {np.median(frozen):.5g}, worst {frozen.min():.5g}, best {frozen.max():.5g}")
    figure.axes[0].set_ylabel("mean reward, or return")
    return figure


def main() -> None:
    """Draw the figure, and print its numbers."""
    found = {
        "PuckWorld, reward": puck(),
        "Pendulum-v1, return": episodes(pendulum),
        "HalfCheetah-v5, return": episodes(halfcheetah),
    }
    print(*save(draw(found), _IMAGES, "tasks", ["png"]))


if __name__ == "__main__":
    main()
