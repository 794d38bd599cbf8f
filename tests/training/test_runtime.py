"""What JAX is told before it computes anything, in processes of their own: it can be told but once."""

import os
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import jax
import pytest

from dsjax.training import runtime

LOOK = "import jax; from dsjax.training.runtime import prepare; prepare({members}); print(jax.config.jax_platforms)"


@pytest.mark.parametrize(
    ("wish", "members", "platforms"),
    [({}, 32, "cpu"), ({"JAX_PLATFORMS": "cpu"}, 4096, "cpu")],
)
def test_the_processor_computes_unless_the_user_wants_otherwise(wish, members, platforms):
    environment = {name: value for name, value in os.environ.items() if name != "JAX_PLATFORMS"} | wish
    command = [sys.executable, "-c", LOOK.format(members=members)]
    look = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    assert look.stdout.strip() == platforms


def test_a_platform_that_is_not_there_is_said():
    environment = os.environ | {"JAX_PLATFORMS": "cuda"}
    code = "from dsjax.training.runtime import prepare; prepare(2)"
    look = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=False)
    last = look.stderr.strip().splitlines()[-1]
    assert last.startswith("dsjax.errors.RunError: JAX_PLATFORMS=cuda: there is no such device here")


def test_signals_are_left_to_the_main_thread():
    before = signal.getsignal(signal.SIGINT)
    with ThreadPoolExecutor(1) as pool:
        assert pool.submit(lambda: runtime.signals().__enter__()).result() == []
    assert signal.getsignal(signal.SIGINT) is before


def test_what_decides_the_bits_is_named():
    assert runtime.computing()["precision"] == "float32"
    assert runtime.computing()["platform"] == "cpu"
    with jax.enable_x64(True):
        assert runtime.computing()["precision"] == "float64"


SHARE = """
import jax
from dsjax.config.schema import EnvironmentConfig
from dsjax.training.runtime import prepare
prepare({members}, EnvironmentConfig(backend={backend!r}, workers=3))
print(jax.device_count())
"""


@pytest.mark.parametrize(
    ("backend", "members", "flags", "devices"),
    [
        ("jax", 64, "", 3),
        ("jax", 4, "", 2),
        ("jax", 1, "", 1),
        ("sync", 64, "", 1),
        ("jax", 64, "--xla_force_host_platform_device_count=5", 5),
    ],
)
def test_cores_share_the_members_of_jax_walkers(backend, members, flags, devices):
    environment = os.environ | {"XLA_FLAGS": flags}
    code = SHARE.format(members=members, backend=backend)
    look = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    assert int(look.stdout) == devices


STARTED = """
import os
from dsjax.training import runtime
seen = lambda: [os.environ.get(name) for name in ("NPROC", "XLA_FLAGS")]
runtime._start = lambda *arguments: print(*seen())
runtime.prepare({members})
print(*seen())
"""
ORDERED = "--xla_cpu_enable_concurrency_optimized_scheduler=false"
ALLOWED = ORDERED.replace("false", "true")


@pytest.mark.parametrize(
    ("members", "wish", "lines"),
    [
        (2, {}, [f"1 {ORDERED}", "None None"]),
        (2, {"XLA_FLAGS": "--xla_dump_to=x"}, [f"1 --xla_dump_to=x {ORDERED}", "None --xla_dump_to=x"]),
        (2, {"XLA_FLAGS": ALLOWED}, [f"1 {ALLOWED}", f"None {ALLOWED}"]),
        (2, {"NPROC": "3"}, 2 * ["3 None"]),
        (1024, {}, 2 * ["None None"]),
    ],
)
def test_few_members_are_computed_by_one_thread_in_order_unless_the_user_says_otherwise(members, wish, lines):
    """What XLA starts with, and what is left in the environment."""
    environment = {name: value for name, value in os.environ.items() if name not in ("NPROC", "XLA_FLAGS")} | wish
    command = [sys.executable, "-c", STARTED.format(members=members)]
    look = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    assert look.stdout.splitlines() == lines


def test_a_gpu_that_does_not_work_is_said():
    code = (
        "from dsjax.training import runtime\n"
        "from dsjax.config.schema import EnvironmentConfig\n"
        "runtime.gpu_platform = lambda: 'cuda'\n"
        "runtime.prepare(2, EnvironmentConfig(backend='jax'))"
    )
    environment = {name: value for name, value in os.environ.items() if name != "JAX_PLATFORMS"}
    look = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=False)
    last = look.stderr.strip().splitlines()[-1]
    assert last.startswith("dsjax.errors.RunError: JAX cannot use the GPU (")
    assert last.endswith("; repair its driver, or set JAX_PLATFORMS=cpu")
