"""The machine's cores: kept apart, as reading a table needs them and loads nothing else."""

import os


def cores() -> int:
    """Return the number of processor cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
