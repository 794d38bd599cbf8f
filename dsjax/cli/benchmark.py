"""`dsjax benchmark`: measure environment steps per second, memory and time per step."""

from collections.abc import Iterable
from importlib.util import find_spec
from typing import Any, Literal

import tyro


def main(arguments: list[str], program: str | None = None) -> None:
    """Run the command."""
    tyro.cli(benchmark, args=arguments, prog=program)


def benchmark(
    members: tuple[int, ...] = (1, 8, 32, 128, 512),
    backends: tuple[Literal["envpool", "async", "sync", "jax"], ...] = (
        *(("envpool",) if find_spec("envpool") else ()), "async", "sync", "jax",
    ),
    jax_members: tuple[int, ...] = (64, 1024),
    alone: tuple[int, ...] = (1, 8, 32, 128, 512, 2048, 4096),
    preset: Literal["iros2018", "readme"] = "iros2018",
    seconds: float = 3.0,
    repeats: int = 5,
    soak: float = 0.0,
) -> None:  # fmt: skip
    """Measure environment steps per second of bare stepping and of training, side by side.

    Args:
        members: Sizes of population.
        backends: Backends of the environment; all that are installed if not given.
        jax_members: Sizes of population with the jax backend, whose programs take minutes to compile.
        alone: Sizes of population whose controllers are timed alone.
        preset: Controller.
        seconds: About how long each measurement lasts.
        repeats: Measurements of each thing; their medians are shown.
        soak: Instead of all this, train for so many minutes and watch the memory.
    """
    # Imported here because --help needs none of it.
    from rich.console import Console
    from rich.progress import track

    from dsjax.cli.tables import alone_table, device_table, soak_table, speed_tables
    from dsjax.training import device_speed, speed
    from dsjax.training.runtime import apart

    console, progress = Console(), Console(stderr=True)

    def measuring(cases: Iterable[Any], what: str) -> Iterable[Any]:
        return track(list(cases), f"measuring {what}", console=progress, transient=True)

    if soak:
        console.print(soak_table(speed.soak(soak)))
        return
    cases = [(backend, size) for backend in backends if backend != "jax" for size in members]
    measured = [apart(speed.measure, *case, preset, seconds, repeats) for case in measuring(cases, "speed")]
    if measured:
        console.print(*speed_tables(preset, repeats, measured))
    sizes = measuring(jax_members, "jax") if "jax" in backends else ()
    if on_device := [apart(device_speed.measure, size, preset, seconds, repeats) for size in sizes]:
        console.print(device_table(preset, repeats, on_device))
    times = {size: apart(speed.step_alone, preset, size, seconds) for size in measuring(alone, "controllers")}
    console.print(alone_table(preset, times))
    cold, warm = speed.starts()
    console.print(f"Start to first step, 32 members: {cold:.1f} s the first time, {warm:.1f} s from then on.")
