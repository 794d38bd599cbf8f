"""Film the shipped walkers and draw their gaits, and write docs/walkers.md: `python docs/build_walkers.py`.

A minute on one core. The numbers are in the walkers' files: `dsjax evaluate pretrained:NAME --episodes 100`.
"""

from pathlib import Path

from dsjax.evaluation.controllers import Controllers, load_controllers
from dsjax.evaluation.recording import record
from dsjax.plotting.oscillators import gait_diagram
from dsjax.plotting.style import save
from dsjax.presets import trained
from dsjax.training.runtime import prepare
from dsjax.video.films import film

_DOCS = Path(__file__).parent
_IMAGES = _DOCS / "images" / "walkers"
_STEPS = 160  # three seconds
_WIDTH = 480  # [pixel]
_NOTES = {
    "ambler": "The best walker. It is fast, uses little torque, and never fell in 100 episodes.",
    "runner": "The best of four members of one seed, trained in four parts.",
    "strider": "It stands on one knee and pushes with the other leg.",
    "pacer": "Of the same run as `strider` and `rambler`.",
    "rambler": "Of the same run as `strider` and `pacer`.",
    "walker": "Of the run with selection; `effort` and `finish` continue from it. It does not solve the task.",
    "steady": "Of the run with selection. It does not solve the task.",
}
_HEAD = """\
# Shipped walkers

Seven trained controllers come with dsjax. Five of them solve the task. Watch one, load one, or continue from one:

```sh
dsjax watch pretrained:ambler                # a window, or a GIF where there is no display
dsjax evaluate pretrained:ambler --episodes 100
dsjax train --branch pretrained:ambler --members 4 --steps 200000 --output runs/branch
```

All numbers are of the frozen centers on the 100 terrains of `test-v1`; the second command makes them again. Steps are
those of the run that the walker is from; `runner`, `strider`, `pacer` and `rambler` continued other runs.

The gait diagrams show five seconds of terrain 0. A bar is pale where the leg is on the ground and the walker does not
sense it: see [Inside a controller](dynamics.md).

| walker | mean | standard deviation | worst | falls | mean length [steps] | steps trained |
|---|---|---|---|---|---|---|
"""


def main() -> None:
    """Write the page and its pictures."""
    prepare()
    walkers = {name: load_controllers(f"pretrained:{name}") for name in trained()}
    ranked = sorted(walkers, key=lambda name: -walkers[name].origin["scores"]["mean"])
    sections = [_section(name, walkers[name]) for name in ranked]
    rows = "".join(_row(name, walkers[name]) for name in ranked)
    (_DOCS / "walkers.md").write_text("\n".join([_HEAD + rows, *sections]))


def _row(name: str, walker: Controllers) -> str:
    found = walker.origin["scores"]
    numbers = (f"{found[key]:.1f}" for key in ("mean", "std", "worst"))
    cells = [f"`{name}`", *numbers, f"{found['fall_rate']:.0%}", f"{found['length']:,.0f}", f"{walker.steps[0]:,}"]
    return f"| {' | '.join(cells)} |\n"


def _section(name: str, walker: Controllers) -> str:
    film(walker, [0], 0, [_IMAGES / f"{name}.gif"], max_steps=_STEPS, gif_width=_WIDTH)
    save(gait_diagram(record(walker, 0, "centers", 0, 1)), _IMAGES, f"{name}-gait", ["png"])
    origin = walker.origin
    return (
        f"## {name}\n\n{_NOTES[name]}\n\n![{name} walks](images/walkers/{name}.gif)\n\n"
        f"![Gait of {name}: when each leg is on the ground](images/walkers/{name}-gait.png)\n\n"
        f"Member {origin['member']} of `{origin['run']}` at round {origin['round']}, commit "
        f"`{origin['git_commit'][:7]}`:\n\n    {origin['command']}\n"
    )


if __name__ == "__main__":
    main()
