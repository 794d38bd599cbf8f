"""The machine's cores and GPU: kept apart, as reading a table needs them and loads nothing else."""

import os
from importlib.metadata import entry_points
from pathlib import Path

# Of a platform: the files by which the system offers its GPUs, and the variables that hide them.
_GPUS = {
    "cuda": (("/dev/nvidiactl", "/dev/dxg"), ("CUDA_VISIBLE_DEVICES",)),
    "rocm": (("/dev/kfd",), ("ROCR_VISIBLE_DEVICES", "HIP_VISIBLE_DEVICES")),
}


def cores() -> int:
    """Return the number of processor cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def gpu() -> str:
    """Return JAX's name of the platform of a GPU that it can use here, "cuda" or "rocm"; "" if there is none.

    This looks at files, variables and installed packages. Asking JAX would start the GPU, which takes seconds.
    """
    wanted = [name for name in os.environ.get("JAX_PLATFORMS", "").split(",") if name]
    plugins = [plugin.name for plugin in entry_points(group="jax_plugins")]
    for platform, (files, variables) in _GPUS.items():
        allowed = not wanted or platform in wanted or "gpu" in wanted
        hidden = any(os.environ.get(name) in ("", "-1") for name in variables)
        installed = any(platform in plugin for plugin in plugins)
        if allowed and installed and not hidden and any(Path(file).exists() for file in files):
            return platform
    return ""
