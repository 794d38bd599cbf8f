"""README and docs do what they say: code runs, commands parse, links lead somewhere, generated parts are whole."""

import functools
import inspect
import os
import re
import shlex
import shutil
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest
from helpers import ROOT, copy

from dsjax.analysis.columns import COLUMNS
from dsjax.analysis.comparison import compare
from dsjax.analysis.summary import group_rows, member_rows, pair_rows
from dsjax.cli.main import COMMANDS
from dsjax.cli.teach import parse_teach
from dsjax.cli.train import parse_train
from dsjax.config.shipped import find_config, find_sweep
from dsjax.storage.tables import SCHEMAS
from dsjax.sweeps.results import effect_rows, point_rows, read_results

PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]


def blocks(page, language):
    return re.findall(rf"```{language}\n(.*?)```", page.read_text(), flags=re.DOTALL)


def name(page):
    return str(page.relative_to(ROOT))


@pytest.mark.parametrize("page", [page for page in PAGES if blocks(page, "python")], ids=name)
def test_code_runs(page, small_runs, tmp_path):
    """A page's blocks, one after the other, beside a run."""
    code = "\n".join(blocks(page, "python"))
    if "examples/" in code:  # tests/test_examples.py runs these
        assert all((ROOT / path).exists() for path in re.findall(r'--8<-- "(.*?)"', code))
        return
    if 'Path("runs/mine")' not in code:
        copy(small_runs / "a", tmp_path / "runs" / "mine")
    environment = os.environ | {"PYTHONPATH": str(ROOT), "JAX_PLATFORMS": "cpu"}
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout


def commands():
    """Yield (page, words) of every dsjax command in the pages' shell blocks."""
    for page in PAGES:
        for block in blocks(page, "sh"):
            for line in block.replace("\\\n", " ").splitlines():
                for part in re.split(r"; (?:do )?|&& ", line):
                    words = shlex.split(part, comments=True)
                    if "dsjax" in words[:6] and not words[0].startswith("."):
                        yield name(page), words[words.index("dsjax") + 1 :]


def test_the_pages_show_most_commands():
    shown = {words[0] for _, words in commands()}
    assert shown <= set(COMMANDS)
    assert set(COMMANDS) - shown <= {"demo"}  # as `make train`


class Parsed(Exception):
    """The arguments are those of the command."""


@pytest.mark.parametrize(("page", "words"), list(dict.fromkeys((page, tuple(words)) for page, words in commands())))
def test_commands_parse(page, words, monkeypatch):
    """Flags exist, values are of their kinds; configs and sweeps are there."""
    command, *arguments = words
    if any("$" in word or "{" in word for word in arguments):  # of a shell's loop
        return
    if command == "train":
        if "--config" in arguments and "--learning.floor-growth" not in arguments:  # which an old commit had
            parse_train(arguments)
        return
    if command == "teach":
        if "--resume" not in arguments:  # which reads the run
            parse_teach(arguments)
        return
    module = import_module(f"dsjax.cli.{command}")
    function = getattr(module, command)

    @functools.wraps(function)
    def stop(*given, **named):
        inspect.signature(function).bind(*given, **named)
        raise Parsed

    monkeypatch.setattr(module, command, stop)
    with pytest.raises(Parsed):
        module.main(arguments)
    if command == "sweep":
        assert find_sweep(arguments[0]).exists()


def test_the_readme_is_short():
    assert len((ROOT / "README.md").read_text().split()) <= 900


def test_links_of_pages_lead_somewhere():
    for page in PAGES:
        for target in re.findall(r"\]\(([^)#]+)[^)]*\)", page.read_text()):
            if not target.startswith("http"):
                assert (page.parent / target).exists() or target == "tour.ipynb", f"{name(page)}: {target}"


def test_configs_that_are_named_exist():
    pages = [page for page in PAGES if page.name != "walkers.md"]  # whose commands are of the commits beside them
    for path in set(re.findall(r"configs/[\w/]+\.toml", "\n".join(page.read_text() for page in pages))):
        assert (ROOT / path).exists(), path
    assert find_config("demo").exists()


def test_the_minutes_of_the_first_run_agree():
    for path in ("README.md", "Makefile", "configs/demo.toml", "docs/quickstart.md", "dsjax/cli/demo.py"):
        assert "three minutes" in (ROOT / path).read_text(), path


def test_every_column_of_every_table_is_explained(small_runs, small_sweep):
    for table, schema in SCHEMAS.items():
        assert set(COLUMNS[table]) == set(schema.names)
    comparison = compare([small_runs / name for name in "abc"])
    for table, rows in (("members", member_rows), ("groups", group_rows), ("pairs", pair_rows)):
        assert set(COLUMNS[f"{table}.csv"]) == set(rows(comparison)[0])
    results = read_results(small_sweep)
    points = [key for key in point_rows(results)[0] if key not in results.plan.keys]
    assert set(COLUMNS["points.csv"]) == set(points)
    assert set(COLUMNS["effects.csv"]) == set(effect_rows(results)[0])


@pytest.mark.slow
def test_the_site_builds_with_the_tour_executed(tmp_path):
    for folder in ("docs", "examples", "dsjax", "configs"):
        shutil.copytree(ROOT / folder, tmp_path / folder, ignore=shutil.ignore_patterns("tour.ipynb", "__pycache__"))
    shutil.copy(ROOT / "mkdocs.yml", tmp_path)
    tools, environment = Path(sys.executable).parent, os.environ | {"NO_MKDOCS_2_WARNING": "1"}
    environment.pop("MPLBACKEND", None)  # EnvPool sets it when it is imported, and the notebook would show no figures
    tour = ["jupytext", "--to", "ipynb", "--execute", "docs/tour.py"]
    for command in (tour, ["mkdocs", "build", "--strict", "--quiet"]):
        command[0] = tools / command[0]
        done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
    tour = (tmp_path / "site" / "tour" / "index.html").read_text()
    assert tour.count('src="data:image/png') >= 3  # its figures
    assert re.search(r"return 3\d\d in 1\d\d\d steps", tour)  # the shipped walker walks to the end
    hyperparameters = (tmp_path / "site" / "hyperparameters" / "index.html").read_text()
    assert "learning_rate" in hyperparameters and "<!-- " not in hyperparameters.split("<article")[1]
