from dataclasses import replace

import pytest

from dsjax.config import loading
from dsjax.errors import RunError
from dsjax.storage.atomic import write_text
from dsjax.training import backend
from dsjax.training.backend import GPU_MEMBERS, settle_backend
from dsjax.training.walkers import DeviceWalkers, HostWalkers, make_walkers


def settled(folder, members=GPU_MEMBERS, resume=False, render=None, **environment):
    config = loading.build({"members": members, "environment": environment})
    return settle_backend(config, folder, resume, render).environment.backend


@pytest.fixture
def gpu(monkeypatch):
    monkeypatch.setattr(backend.machine, "gpu", lambda: "cuda")


def test_many_members_take_the_jax_walkers_where_there_is_a_gpu(gpu, tmp_path):
    assert settled(tmp_path) == "jax"
    assert settled(tmp_path, members=GPU_MEMBERS - 1) != "jax"
    assert settled(tmp_path, id="BipedalWalkerHardcore-v3") == "jax"
    assert settled(tmp_path, render=0) in ("sync", "async")
    assert settled(tmp_path, backend="sync") == "sync"


def test_without_a_gpu_no_run_takes_them_unasked(monkeypatch, tmp_path):
    monkeypatch.setattr(backend.machine, "gpu", lambda: "")
    assert settled(tmp_path) != "jax"
    assert settled(tmp_path, members=4, backend="jax") == "jax"


def test_a_run_keeps_to_its_walkers_wherever_it_is_resumed(gpu, tmp_path):
    for own in ("jax", "sync"):
        config = loading.build({"members": GPU_MEMBERS, "environment": {"backend": own}})
        write_text(tmp_path / "config.toml", loading.to_toml(config))
        assert settled(tmp_path, resume=True) == own


def test_jax_walkers_show_no_window(tmp_path):
    with pytest.raises(RunError, match="--render: the JAX walkers show no window; train with --backend sync"):
        settled(tmp_path, backend="jax", render=0)


def test_the_backend_says_which_walkers_a_run_has():
    config = loading.build({"members": 2, "environment": {"backend": "jax"}})
    assert type(make_walkers(config)) is DeviceWalkers
    other = replace(config, environment=replace(config.environment, backend="sync"))
    assert type(make_walkers(other)) is HostWalkers
