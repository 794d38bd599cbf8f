"""Prepare JAX on this machine before anything is computed, catch signals, and compute in another process."""

import hashlib
import os
import platform
import signal
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager, nullcontext
from multiprocessing import get_context
from pathlib import Path
from types import FrameType
from typing import Any, TypeVar

import jax
import jax.numpy as jnp
import platformdirs

from dsjax.config.schema import EnvironmentConfig
from dsjax.errors import RunError
from dsjax.machine import cores
from dsjax.machine import gpu as gpu_platform

Result = TypeVar("Result")

_CONCURRENT = "xla_cpu_enable_concurrency_optimized_scheduler"
_THREADED_MEMBERS = 1024  # from so many on, several threads step the controllers faster than one does


def prepare(members: int = 1, environment: EnvironmentConfig | None = None) -> None:
    """Keep compiled programs on disk, and fit calls of them to a loop that alternates with walkers on every core.

    Must come before JAX computes anything. What the user has set, as JAX_COMPILATION_CACHE_DIR or JAX_PLATFORMS in the
    environment, holds.

    Args:
      members: size of the population.
      environment: of a training, with a backend that is settled. With the jax backend, which steps the walkers too, a
        GPU computes if there is one, and else several cores share the members.

    Raises:
      RunError: there is no device of a platform that JAX_PLATFORMS names, or the GPU does not work.
    """
    if "JAX_COMPILATION_CACHE_DIR" not in os.environ:
        jax.config.update("jax_compilation_cache_dir", str(cache_folder()))
        jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.1)
    on_device = environment if environment and environment.backend == "jax" else None
    # On the CPU also where there is a GPU: thirty members take it four times as long as a core (README, Speed), and it
    # rounds otherwise, so that a run would not be the same on the next machine. With the walkers it is worth it.
    gpu = gpu_platform() if on_device else ""
    platforms = os.environ.get("JAX_PLATFORMS") or (f"{gpu},cpu" if gpu else "cpu")
    jax.config.update("jax_platforms", platforms)
    if on_device and platforms == "cpu":
        _share_cores(members, on_device.workers or cores())
    # The loop waits for every action, so that handing the call to another thread and back is time lost.
    jax.config.update("jax_cpu_enable_async_dispatch", False)
    few = members < _THREADED_MEMBERS or on_device is not None
    one_thread = "cpu" in platforms.split(",") and few and "NPROC" not in os.environ
    with _one_thread(in_order=on_device is None) if one_thread else nullcontext():
        _start(platforms, gpu)


@contextmanager
def _one_thread(in_order: bool) -> Iterator[None]:
    """Have XLA, when it starts, take one thread, and no more time than that to decide what to compute next.

    XLA reads both from the environment alone. The cores belong to the walkers: splitting so little work among threads
    makes a call a fifth slower, and looking for operations to do at once takes two fifths of what is left
    (`scripts/benchmark.py`).

    Args:
      in_order: whether operations follow each other in a fixed order.
    """
    wanted, flags = {"NPROC": "1"}, os.environ.get("XLA_FLAGS", "")
    if in_order and _CONCURRENT not in flags:
        wanted["XLA_FLAGS"] = f"{flags} --{_CONCURRENT}=false".strip()
    before = {name: os.environ[name] for name in wanted if name in os.environ}
    os.environ.update(wanted)
    try:
        yield
    finally:
        for name in wanted:
            del os.environ[name]
        os.environ.update(before)


def _start(platforms: str, gpu: str) -> None:
    """Have JAX take its devices, or raise RunError if those of these platforms are not there, or not the GPU."""
    try:
        jax.devices()
    except (RuntimeError, AssertionError) as error:
        reason = (str(error).splitlines() or ["JAX found none"])[0]
    else:
        reason = "JAX found none" if gpu and jax.default_backend() == "cpu" else ""
    if reason and gpu:
        raise RunError(f"JAX cannot use the GPU ({reason}); repair its driver, or set JAX_PLATFORMS=cpu")
    if reason:
        raise RunError(f"JAX_PLATFORMS={platforms}: there is no such device here ({reason}); unset it")


def _share_cores(members: int, workers: int) -> None:
    """Have JAX take cores for devices, two members each at least, unless the user has said how many it takes."""
    if "xla_force_host_platform_device_count" not in os.environ.get("XLA_FLAGS", ""):
        jax.config.update("jax_num_cpu_devices", max(min(workers, members // 2), 1))


def computing() -> dict[str, str]:
    """Return what decides, beside versions, how numbers are rounded: {name: text}."""
    return {
        "precision": jnp.result_type(float).name,
        "platform": jax.default_backend(),
        "processor": hashlib.sha256(_processor().encode()).hexdigest()[:12],
    }


def cache_folder() -> Path:
    """Return the folder of compiled programs: one per kind of processor, as a home may be shared by several kinds."""
    kind = hashlib.sha256(_processor().encode()).hexdigest()[:12]
    return Path(platformdirs.user_cache_dir("dsjax")) / f"compiled-{kind}"


def _processor() -> str:
    """Return what tells kinds of processors apart."""
    try:
        return next(line for line in Path("/proc/cpuinfo").read_text().splitlines() if line.startswith("flags"))
    except (OSError, StopIteration):
        return f"{platform.machine()} {platform.processor()}"


@contextmanager
def signals() -> Iterator[list[signal.Signals]]:
    """Catch SIGINT and SIGTERM, and yield the list of those that came; a second one has its usual effect.

    Only a process's main thread can catch them. In another one they are left to it, and none ever comes.
    """
    came: list[signal.Signals] = []
    if threading.current_thread() is not threading.main_thread():
        yield came
        return

    def catch(number: int, frame: FrameType | None) -> None:
        came.append(signal.Signals(number))
        for each in (signal.SIGINT, signal.SIGTERM):
            signal.signal(each, previous[each])

    previous = {each: signal.signal(each, catch) for each in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield came
    finally:
        for each, handler in previous.items():
            signal.signal(each, handler)


def apart(function: Callable[..., Result], *arguments: Any) -> Result:
    """Return function(*arguments), computed in a new process."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as process:
        return process.submit(function, *arguments).result()
