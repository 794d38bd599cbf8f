import subprocess
import sys

import pytest
from helpers import ROOT

import dsjax
from dsjax.cli.main import COMMANDS, run
from dsjax.config.shipped import configs_folder, find_config, find_sweep
from dsjax.errors import ConfigError


def test_every_command_has_a_script_that_does_the_same():
    assert {path.stem for path in (ROOT / "scripts").glob("*.py")} == set(COMMANDS)
    for name in COMMANDS:
        text = (ROOT / "scripts" / f"{name}.py").read_text()
        assert f'main("{name}")' in text and f"`dsjax {name}`" in text


def test_help_names_every_command(capsys):
    run(["--help"])
    printed = capsys.readouterr().out
    assert all(f"  {name} " in printed and about in printed for name, about in COMMANDS.items())
    run(["--version"])
    assert capsys.readouterr().out.strip() == dsjax.__version__


@pytest.mark.parametrize(("name", "remedy"), [("trian", "did you mean train"), ("xyz", "there are demo, train, ")])
def test_a_command_that_does_not_exist_is_said(name, remedy):
    with pytest.raises(ConfigError, match=f"^{name}: there is no such command; {remedy}"):
        run([name])


def test_the_module_is_the_command(tmp_path):
    command = [sys.executable, "-m", "dsjax", "evaluate", "runs/absent"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=tmp_path)
    assert (done.returncode, done.stderr) == (2, "error: runs/absent: there is no run here\n")


def test_shipped_configs_are_found_by_name(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert find_config("solve") == configs_folder() / "solve.toml"
    assert find_sweep("ablation") == configs_folder() / "sweeps" / "ablation.toml"
    (tmp_path / "solve").write_text("mine")
    assert str(find_config("solve")) == "solve"  # a file comes first
    with pytest.raises(
        ConfigError, match=r"slove: there is no such file, and none that ships .*; there are .*, solve, teach$"
    ):
        find_config("slove")
    assert str(find_config("absent.toml")) == "absent.toml"  # told when it is read


@pytest.mark.parametrize(
    ("package", "arguments", "extra"),
    [("matplotlib", ["compare", "runs/absent"], "plots"), ("tyro", ["train", "--help"], "training")],
)
def test_a_missing_package_is_named_with_its_extra(package, arguments, extra):
    code = f"import sys; sys.modules[{package!r}] = None; sys.argv = {['dsjax', *arguments]}\n"
    code += "from dsjax.cli.main import main; main()"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, cwd=ROOT)
    told = f"error: {package} is not installed; pip install 'dsjax[{extra}]', or 'dsjax[all]'\n"
    assert (done.returncode, done.stderr) == (2, told)
