"""How a training runs on this machine: JAX, prepared once before anything is computed, and signals to stop."""

import hashlib
import os
import platform
import signal
from contextlib import contextmanager
from pathlib import Path

import jax
import platformdirs

_THREADED_MEMBERS = 1024  # from so many on, several threads step the controllers faster than one does


def prepare(members=1):
    """Keep compiled programs on disk, and fit calls of them to a loop that alternates with walkers on every core.

    Must come before JAX computes anything. What the user has set, as JAX_COMPILATION_CACHE_DIR or JAX_PLATFORMS in the
    environment, holds.

    Args:
      members: size of the population.
    """
    if "JAX_COMPILATION_CACHE_DIR" not in os.environ:
        jax.config.update("jax_compilation_cache_dir", str(cache_folder()))
        jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.1)
    # On the CPU also where there is a GPU: thirty members take it four times as long as a core (README, Speed), and it
    # rounds otherwise, so that a run would not be the same on the next machine.
    platforms = os.environ.get("JAX_PLATFORMS") or "cpu"
    jax.config.update("jax_platforms", platforms)
    # The loop waits for every action, so that handing the call to another thread and back is time lost.
    jax.config.update("jax_cpu_enable_async_dispatch", False)
    if "cpu" in platforms.split(",") and members < _THREADED_MEMBERS and "NPROC" not in os.environ:
        # XLA sizes its thread pool by this variable alone. The cores belong to the walkers: splitting so little work
        # among threads makes a call a fifth slower (`scripts/benchmark.py`).
        os.environ["NPROC"] = "1"
        try:
            jax.devices("cpu")
        finally:
            del os.environ["NPROC"]


def cache_folder():
    """Return the folder of compiled programs: one per kind of processor, as a home may be shared by several kinds."""
    try:
        described = next(line for line in Path("/proc/cpuinfo").read_text().splitlines() if line.startswith("flags"))
    except (OSError, StopIteration):
        described = f"{platform.machine()} {platform.processor()}"
    kind = hashlib.sha256(described.encode()).hexdigest()[:12]
    return Path(platformdirs.user_cache_dir("dsjax")) / f"compiled-{kind}"


@contextmanager
def signals():
    """Catch SIGINT and SIGTERM, and yield the list of those that came; a second one has its usual effect."""
    came: list[signal.Signals] = []

    def catch(number, frame):
        came.append(signal.Signals(number))
        for each in (signal.SIGINT, signal.SIGTERM):
            signal.signal(each, previous[each])

    previous = {each: signal.signal(each, catch) for each in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield came
    finally:
        for each, handler in previous.items():
            signal.signal(each, handler)
