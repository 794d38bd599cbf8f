#!/usr/bin/env python
"""Measure environment steps per second: python scripts/benchmark.py --members 1 8 32."""


def main():
    # Imported here because env workers import this file too, and need none of it.
    import tyro
    from rich.console import Console
    from rich.progress import track

    from dsjax.benchmark import BenchmarkCommand, benchmark_table, measure

    command = tyro.cli(BenchmarkCommand)
    console, progress = Console(), Console(stderr=True)
    cases = [(backend, members) for members in command.members for backend in command.backends]
    measured = [measure(command, *case) for case in track(cases, "measuring", console=progress, transient=True)]
    console.print(benchmark_table(command, measured))


if __name__ == "__main__":
    main()
