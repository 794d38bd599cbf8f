"""Are chaotic synapses chaotic? Draw the pictures of docs/chaos.md and print its numbers: `python docs/chaos.py`.

Three minutes on one core, in double precision.
"""

from functools import partial
from pathlib import Path

import jax

jax.config.update("jax_enable_x64", True)

import numpy as np  # noqa: E402
from matplotlib.colors import TwoSlopeNorm  # noqa: E402
from matplotlib.figure import Figure  # noqa: E402

from dsjax import receptors  # noqa: E402
from dsjax.hyperparameters import SynapseParams  # noqa: E402
from dsjax.lyapunov import largest_exponent  # noqa: E402
from dsjax.plotting.style import WIDTH, group_color, save, styled  # noqa: E402
from dsjax.receptors import FIRST_DAMPING, ReceptorParams  # noqa: E402

DT = 20.0  # [ms]
SYNAPSES = 12
NEURONS = np.zeros(SYNAPSES, int)  # all on one neuron
DRIVES = np.geomspace(0.25, 4, 9)
DAMPINGS = np.geomspace(3_500, 56_000, 9)  # one of them as published: 14,000
SETTLE, BLOCK, BLOCKS = 400, 5, 1_000  # [s], and blocks
SCALE = 0.1, 1e-5, 0.1  # of receptors, rate [1/ms] and pool: about how far they swing
POOLS = {"shared pool": False, "diffusing pool": True}
_IMAGES = Path(__file__).parent / "images"
_PARAMS = SynapseParams(amplitude=1.0, period=20_000.0, period_cv=0.0, center_range=0.0)


def moving(key, drive, damping, diffusing, dt=DT):
    """Return the step of (receptors, rate, pool), where it has come after `SETTLE`, and the homes."""
    state = receptors.init(key, (SYNAPSES,), _PARAMS, neurons=NEURONS, diffusing=diffusing)
    state, params = state._replace(damping=damping), ReceptorParams(drive=drive)

    def step(at):
        moved = state._replace(receptors=at[0], rate=at[1], pool=at[2])
        moved = receptors.move(moved, params, dt, NEURONS, diffusing)
        return moved.receptors, moved.rate, moved.pool

    start = state.receptors, state.rate, state.pool
    return step, jax.lax.fori_loop(0, round(1000 * SETTLE / dt), lambda _, at: step(at), start), state.home


@partial(jax.jit, static_argnames=("diffusing", "blocks", "dt"))
def exponents(keys, drives, dampings, diffusing, blocks=BLOCKS, dt=DT):
    """Return the exponents [1/s], their errors, and the widest swings, each (cells,)."""

    def cell(key, drive, damping):
        step, at, _ = moving(key, drive, damping, diffusing, dt)
        found = largest_exponent(step, at, SCALE, key, blocks, round(1000 * BLOCK / dt), dt / 1000)
        _, seen = jax.lax.scan(lambda at, _: (step(at), at[0]), at, length=2_000)
        return found.value, found.error, (seen.max(axis=0) - seen.min(axis=0)).max()

    return jax.vmap(cell)(keys, drives, dampings)


@styled
def exponent_figure() -> Figure:
    """Draw the exponent over drive and damping, for both pools, and print the cells that are chaotic."""
    figure = Figure(figsize=(WIDTH, 3.2), layout="constrained")
    axes = figure.subplots(1, 2, sharey=True)
    drives, dampings = (grid.ravel() for grid in np.meshgrid(DRIVES, DAMPINGS))
    keys = jax.random.split(jax.random.key(0), len(drives))
    for axis, (name, diffusing) in zip(axes, POOLS.items(), strict=True):
        value, error, swing = map(np.asarray, exponents(keys, drives, dampings, diffusing))
        value = np.where(swing > 0.01, value, np.nan)
        here = np.argmin(np.abs(np.log(drives / 0.5)) + np.abs(np.log(dampings / FIRST_DAMPING)))
        print(f"{name}: as published, {value[here]:.4f} +- {error[here]:.4f} per second")
        sure = np.flatnonzero(value > 4 * error)
        print(f"{name}: above 0 by four errors in {len(sure)} of {np.isfinite(value).sum()} cells that swing")
        for cell in sure:
            about = f"drive {drives[cell]:.2f}, damping {dampings[cell]:,.0f}"
            print(f"    {about}: {value[cell]:.4f} +- {error[cell]:.4f}")
        shade = axis.pcolormesh(
            DRIVES, DAMPINGS, value.reshape(9, 9), cmap="RdBu_r", norm=TwoSlopeNorm(0, -0.012, 0.012), shading="nearest"
        )
        axis.plot(drives[sure], dampings[sure], "k.", markersize=4)
        axis.plot(0.5, FIRST_DAMPING, "ko", fillstyle="none", markersize=9)
        axis.set(xscale="log", yscale="log", xlabel="drive k", title=name, facecolor="0.85")
        axis.grid(visible=False)
        axis.set_xticks(DRIVES[::2], [f"{drive:g}" for drive in DRIVES[::2]], minor=False)
        axis.set_yticks(DAMPINGS[::2], [f"{damping:,.0f}" for damping in DAMPINGS[::2]], minor=False)
        axis.minorticks_off()
    axes[0].set_ylabel("damping g")
    figure.colorbar(shade, ax=axes, label="largest Lyapunov exponent [1/s]")
    return figure


def finer() -> None:
    """Print the exponents of two cells of the shared pool with finer steps, over 1,500 s each."""
    drives, dampings = np.array([4.0, DRIVES[5]]), np.array([28_000.0, 3_500.0])
    for dt in (DT, DT / 4, DT / 16):
        value, error, _ = exponents(jax.random.split(jax.random.key(0)), drives, dampings, False, 300, dt)
        for cell in range(2):
            about = f"drive {drives[cell]:.2f}, damping {dampings[cell]:,.0f}, steps of {dt:g} ms"
            print(f"shared pool: {about}: {value[cell]:.4f} +- {error[cell]:.4f}")


@styled
def swing_figure() -> Figure:
    """Draw periods, return map and Poincaré section at the published constants, and print the periods."""
    figure = Figure(figsize=(WIDTH, 2.6), layout="constrained")
    axes = figure.subplots(1, 3)
    for number, (name, diffusing) in enumerate(POOLS.items()):
        step, at, home = moving(jax.random.key(0), 0.5, FIRST_DAMPING, diffusing)
        _, seen = jax.lax.scan(lambda at, _, step=step: (step(at), at), at, length=200_000)
        held, rate, pool = (np.asarray(part) for part in seen)
        away = held - np.asarray(home)
        upwards = [np.flatnonzero(column) for column in ((away[1:] >= 0) & (away[:-1] < 0)).T]
        color, periods = group_color(number), []
        for one, up in enumerate(upwards):
            share = -away[up, one] / (away[up + 1, one] - away[up, one])
            periods.append(np.diff(up + share) * DT / 1000)
        drawn = np.concatenate(periods)
        print(f"{name}: period {drawn.mean():.2f} s, standard deviation {drawn.std():.2f}, n = {len(drawn)}")
        axes[0].hist(drawn, 60, color=color, histtype="step", density=True, label=name)
        axes[1].plot(periods[0][:-1], periods[0][1:], ".", color=color, markersize=3)
        axes[2].plot(pool[upwards[0], 0], 1e5 * rate[upwards[0], 0], ".", color=color, markersize=3)
    axes[0].set(xlabel="period [s]", ylabel="density", title="periods")
    figure.legend(loc="outside upper center", ncols=2)
    axes[1].set(xlabel="period [s]", ylabel="next period [s]", title="return map")
    axes[2].set(xlabel="pool p", ylabel="rate v [1e-5/ms]", title="Poincaré section")
    return figure


if __name__ == "__main__":
    for name, figure in (("chaos-exponents", exponent_figure()), ("chaos-swing", swing_figure())):
        save(figure, _IMAGES, name, ["png"])
    finer()
