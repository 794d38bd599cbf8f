import io

import numpy as np
import pytest
from helpers import EARLY
from rich.console import Console

from dsjax.cli.tables import curve_table, summary_table
from dsjax.config import loading
from dsjax.training.progress import ProgressDisplay
from dsjax.training.trainer import Trainer

SETTINGS = {**EARLY, "members": 3, "steps": 600, "round_steps": 300, "evaluation": {"every": 2, "episodes": 1}}


def train(folder, **options):
    """Train a little; return the trainer and what a console of this kind showed."""
    console = Console(file=io.StringIO(), width=160, **options)
    trainer = Trainer(loading.build(SETTINGS), folder, [ProgressDisplay(console)])
    trainer.run()
    console.print(summary_table(trainer.status()))
    return trainer, console.file.getvalue()


@pytest.mark.parametrize("options", [{"force_terminal": False}, {"force_terminal": True}], ids=["plain", "live"])
def test_progress_and_summary(tmp_path, options):
    trainer, output = train(tmp_path / "run", **options)
    frozen = np.median(trainer.stats.frozen_return)
    assert f"{frozen:.0f} ({trainer.stats.frozen_return.max():.0f})" in output
    if options["force_terminal"]:
        assert "solved 0/3" in output and "evaluations take" in output
        assert "▁" in output or "█" in output  # the curves
    else:
        assert max(map(len, output.split("\n\n")[0].splitlines())) <= 80
    for member in range(3):
        assert f"{trainer.stats.steps[member]:,}" in output
        assert f"{trainer.stats.frozen_return[member]:.1f}" in output
    console = Console(file=io.StringIO())
    console.print(curve_table(tmp_path / "run"))
    rows = [line.split() for line in console.file.getvalue().splitlines() if line[:6].strip().isdigit()]
    assert [row[0] for row in rows] == ["0", "2"]
    if not options["force_terminal"]:
        assert "\x1b" not in output
        for line, label in zip(output.splitlines()[2:], ("untrained", "round 1", "round 2"), strict=False):
            assert label in line


def test_the_summary_of_many_members_shows_the_best(tmp_path, monkeypatch):
    monkeypatch.setattr("dsjax.cli.tables._MOST_ROWS", 2)
    trainer = Trainer(loading.build(SETTINGS), tmp_path / "run")
    trainer.stats.frozen_return = np.array([5.0, np.nan, 7.0])
    trainer._writer = None
    console = Console(file=io.StringIO(), width=160)
    console.print(summary_table(trainer.status()))
    rows = [line.split() for line in console.file.getvalue().splitlines() if line[:8].strip().isdigit()]
    assert [row[0] for row in rows] == ["0", "2"]
    assert "the best 2 of 3 members; all are in members/ of the run" in console.file.getvalue()
