"""What JAX is told before it computes anything, in processes of their own: it can be told but once."""

import os
import subprocess
import sys

import pytest

LOOK = "import jax; from dsjax.runtime import prepare; prepare({members}); print(jax.config.jax_platforms)"


@pytest.mark.parametrize(
    ("wish", "members", "platforms"),
    [({}, 32, "cpu"), ({"JAX_PLATFORMS": "cuda"}, 32, "cuda"), ({"JAX_PLATFORMS": "cuda,cpu"}, 4096, "cuda,cpu")],
)
def test_the_processor_computes_unless_the_user_wants_otherwise(wish, members, platforms):
    environment = {name: value for name, value in os.environ.items() if name != "JAX_PLATFORMS"} | wish
    command = [sys.executable, "-c", LOOK.format(members=members)]
    look = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    assert look.stdout.strip() == platforms
