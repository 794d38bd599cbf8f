import json
import struct
import sys

import numpy as np
import pytest
from helpers import EARLY, run_command

from dsjax.config import loading
from dsjax.errors import RunError
from dsjax.training import scalars
from dsjax.training.callbacks import Callback
from dsjax.training.trainer import Trainer
from dsjax.training.wandb_logger import WandbLogger

SETTINGS = {
    **EARLY, "members": 2, "round_steps": 200,
    "environment": {"backend": "sync"}, "evaluation": {"every": 2, "episodes": 2},
}  # fmt: skip
LEARNING = {key.split(".")[1] for key in loading.flat(loading.build(SETTINGS)) if key.startswith("learning.")}
FLAGS = ["--members", 2, "--round-steps", 50, "--evaluation.every", 0, "--backend", "sync"]


@pytest.fixture
def wandb(monkeypatch, tmp_path):
    module = pytest.importorskip("wandb")
    monkeypatch.setenv("WANDB_MODE", "offline")
    monkeypatch.setenv("WANDB_CONFIG_DIR", str(tmp_path / "wandb-config"))
    monkeypatch.setenv("WANDB_CACHE_DIR", str(tmp_path / "wandb-cache"))
    yield module
    module.teardown()


class Kept(Callback):
    """What the loggers are told, round by round."""

    def __init__(self):
        self.rounds = {}

    def on_round_end(self, run):
        self.rounds[int(run.stats.rounds)] = scalars.lines(run)


def chunks(content):
    """Yield the records of a file of W&B's: a header, then LevelDB's log format in blocks of 32 KiB."""
    place, record = 7, b""
    while place + 7 <= len(content):
        left = 32768 - place % 32768
        if left < 7:
            place += left
            continue
        _, length, kind = struct.unpack("<IHB", content[place : place + 7])
        record += content[place + 7 : place + 7 + length]
        place += 7 + length
        if kind in (1, 4):  # whole, or the last part
            yield record
            record = b""


def sessions(folder):
    """Return [(id, config, {round: {tag: value}})] of what was kept offline, a session each."""
    from wandb.proto import wandb_internal_pb2

    found = []
    for path in sorted((folder / "wandb").glob("offline-run-*/*.wandb")):
        name, config, rows = None, {}, {}
        for chunk in chunks(path.read_bytes()):
            record = wandb_internal_pb2.Record.FromString(chunk)
            if record.HasField("run"):
                name = record.run.run_id
                config |= {item.key: json.loads(item.value_json) for item in record.run.config.update}
            if record.HasField("history"):
                row = {(i.key or "/".join(i.nested_key)): json.loads(i.value_json) for i in record.history.item}
                rows[record.history.step.num] = {tag: v for tag, v in row.items() if not tag.startswith("_")}
        found.append((name, config, rows))
    return found


def train(folder, steps, **options):
    kept = Kept()
    Trainer(loading.build(SETTINGS | {"steps": steps}), folder, [WandbLogger(folder), kept]).run(**options)
    return kept.rounds


def named(lines):
    """Return a round's figures as W&B has them."""
    row = {}
    for name, line in lines.items():
        prefix = "" if name == "population" else f"{name}/"
        row[f"{name}/step"] = line.step
        row |= {f"{prefix}{tag}": value for tag, value in line.scalars.items()}
    return row


def test_a_resumed_run_is_one_run_with_its_config_and_all_figures(wandb, tmp_path):
    folder = tmp_path / "run"
    told = train(folder, 400)
    told |= train(folder, 800, resume=True)
    (first, config, rows), (second, resumed, more) = sessions(folder)
    assert first == second == (folder / "wandb" / "id").read_text().strip()
    assert config["steps"] == 400 and resumed["steps"] == 800
    assert config["synapse"]["center_range"] == SETTINGS["synapse"]["center_range"]
    assert config["learning"].keys() == LEARNING
    rows |= more
    assert list(rows) == list(told) == [0, 1, 2, 3, 4]
    for number, row in rows.items():
        expected = named(told[number])
        assert row.keys() == expected.keys()
        np.testing.assert_allclose([row[tag] for tag in expected], list(expected.values()), rtol=1e-12)
    assert "population/frozen_median" in rows[2] and "population/frozen_median" not in rows[1]


def test_the_flag_logs_a_run_and_is_kept_for_the_next_command(wandb, tmp_path):
    status, output = run_command("train", *FLAGS, "--steps", 100, "--output", tmp_path / "run", "--wandb")
    assert status == 0, output
    assert "--resume --wandb --steps N" in output
    [(_, _, rows)] = sessions(tmp_path / "run")
    assert [row["population/step"] for row in rows.values()] == [0, 50, 100]


def test_who_is_not_logged_in_is_told_before_anything_is_written(wandb, tmp_path, monkeypatch):
    monkeypatch.setenv("WANDB_MODE", "online")
    monkeypatch.setenv("NETRC", str(tmp_path / "none"))
    monkeypatch.delenv("WANDB_API_KEY", raising=False)
    wandb.teardown()  # settings are read once
    with pytest.raises(RunError, match=r"--wandb: not logged in; run `wandb login`, or set WANDB_MODE=offline"):
        WandbLogger(tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_a_missing_extra_is_told_before_anything_is_written(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "wandb", None)
    with pytest.raises(RunError, match=r"wandb is not installed; pip install 'dsjax\[wandb\]'"):
        WandbLogger(tmp_path / "run")
    assert not (tmp_path / "run").exists()
