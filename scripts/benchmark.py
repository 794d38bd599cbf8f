#!/usr/bin/env python
"""Measure environment steps per second, memory and time per step: python scripts/benchmark.py --members 32 128."""

from dsjax import entry


def main():
    # Imported here because env workers import this file too, and need none of it; what --help does not need, last.
    import tyro

    from dsjax.commands import BenchmarkCommand

    command = tyro.cli(BenchmarkCommand)

    from rich.console import Console
    from rich.progress import track

    from dsjax import benchmark
    from dsjax.tables import alone_table, soak_table, speed_tables

    console, progress = Console(), Console(stderr=True)

    def measuring(cases, what):
        return track(cases, f"measuring {what}", console=progress, transient=True)

    if command.soak:
        console.print(soak_table(benchmark.soak(command.soak)))
        return
    cases = [(backend, members) for backend in command.backends for members in command.members]
    measured = [benchmark.apart(benchmark.measure, command, *case) for case in measuring(cases, "speed")]
    console.print(*speed_tables(command, measured))
    alone = {
        members: benchmark.apart(benchmark.step_alone, command.preset, members, command.seconds)
        for members in measuring(command.alone, "controllers")
    }
    console.print(alone_table(command, alone))
    cold, warm = benchmark.starts()
    console.print(f"Start to first step, 32 members: {cold:.1f} s the first time, {warm:.1f} s from then on.")


if __name__ == "__main__":
    entry.run(main)
