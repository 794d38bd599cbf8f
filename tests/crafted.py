"""Members, comparisons and sweeps made up in memory: of any size and length, without a training."""

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pyarrow as pa

from dsjax.analysis.comparison import Comparison, Group
from dsjax.analysis.members import Member
from dsjax.config import loading
from dsjax.sweeps.plan import make_plan
from dsjax.sweeps.results import SweepResults, label
from dsjax.sweeps.spec import Sweep

LONG = "iros2018, period cv 0.2, learning rate 8e-05, fade reward 0.12, baseline time 330000, averaging time 1.65e+06"


def member(index, steps, level, solved):
    """Return a member that has trained for so many steps, at this level of returns."""
    rng = np.random.default_rng(index)
    count, at = 60, np.linspace(1, steps, 60).astype(int)
    outcome = np.where(rng.uniform(size=count) < 0.2, "fell", "timeout")
    episodes = {
        "step": at,
        "length": np.full(count, 900),
        "return": level + rng.normal(0, 20, count),
        "outcome": outcome,
    }
    seen = np.linspace(0, steps, 4).astype(int)
    evaluations = {"step": seen, "tick": seen, "return": level + rng.normal(0, 5, 4)}
    solved_at = steps // 2 if solved else -1
    rounds = {"step": seen, "episodes": np.full(4, count), "running": np.full(4, True)}
    rounds |= {name: rng.uniform(size=4) for name in ("amplitude", "sensitivity", "drift")}
    rounds |= {
        f"{rule}_solved_{unit}": np.full(4, solved_at)
        for rule in ("training", "frozen")
        for unit in ("step", "episode")
    }
    final = {"return": level + rng.normal(0, 9, 10), "outcome": outcome[:10]}
    config = loading.build({"members": 64, "seed": 1234})
    run = SimpleNamespace(
        folder=Path("runs/a"), name=f"a-run-{LONG}", config=config, members=pa.table({"step": [steps]}),
        held_out="validation-v1",
    )  # fmt: skip
    return Member(run, index, episodes, evaluations, rounds, final, True, {"step": 0, "episode": 0})


def comparison(groups):
    """Return a comparison of (label, [steps of a member])."""
    made = []
    for number, (name, steps) in enumerate(groups):
        members = [member(k, length, -100 + 12 * number + 400 * (k == 0), k == 0) for k, length in enumerate(steps)]
        made.append(Group(name, members))
    return Comparison(made, "validation-v1", [], [])


def sweep(members=2, **sections):
    """Return the results of a sweep; `sections` as in its file, with keys as "learning.repulsive"."""
    plan = make_plan(Sweep(seeds=members, **sections), "crafted")
    rng = np.random.default_rng(0)
    groups = {
        point: Group(label(plan, point), [member(k, 240_000, rng.uniform(-120, 320), False) for k in range(members)])
        for point in range(len(plan.points))
    }
    return SweepResults(Path("sweeps/crafted"), plan, groups, "validation-v1", [])
