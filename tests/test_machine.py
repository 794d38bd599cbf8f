import pytest

from dsjax import machine


@pytest.fixture
def gpu(monkeypatch, tmp_path):
    """Let there be a GPU of NVIDIA's, and JAX's plugin for it."""
    (tmp_path / "nvidiactl").touch()
    monkeypatch.setitem(machine._GPUS, "cuda", ((str(tmp_path / "nvidiactl"),), ("CUDA_VISIBLE_DEVICES",)))
    monkeypatch.setattr(machine, "entry_points", lambda group: [type("Plugin", (), {"name": "xla_cuda12"})])
    for name in ("JAX_PLATFORMS", "CUDA_VISIBLE_DEVICES"):
        monkeypatch.delenv(name, raising=False)


def test_a_gpu_is_seen_without_asking_jax(gpu):
    assert machine.gpu() == "cuda"


@pytest.mark.parametrize(
    ("variable", "value", "seen"),
    [
        ("JAX_PLATFORMS", "cpu", ""), ("JAX_PLATFORMS", "cuda,cpu", "cuda"), ("JAX_PLATFORMS", "gpu", "cuda"),
        ("JAX_PLATFORMS", "", "cuda"), ("CUDA_VISIBLE_DEVICES", "", ""), ("CUDA_VISIBLE_DEVICES", "-1", ""),
        ("CUDA_VISIBLE_DEVICES", "1", "cuda"),
    ],
)  # fmt: skip
def test_variables_hide_a_gpu(gpu, monkeypatch, variable, value, seen):
    monkeypatch.setenv(variable, value)
    assert machine.gpu() == seen


def test_without_a_plugin_or_a_device_there_is_no_gpu(gpu, monkeypatch):
    monkeypatch.setattr(machine, "entry_points", lambda group: [])
    assert machine.gpu() == ""
    monkeypatch.undo()
    monkeypatch.setitem(machine._GPUS, "cuda", (("/no/such/file",), ()))
    assert machine.gpu() in ("", "rocm")
