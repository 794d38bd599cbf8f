import ast
import subprocess
import sys

import pytest
from helpers import ROOT

# The rows of the structure, from the bottom: a file imports only from rows above it in this list.
ORDER = (
    "oscillator", "synapse", "neuron", "learning", "observation", "controller", "presets", "population",
    "errors", "machine", "entry", "formats", "terminal", "commands",
    "walker", "grouped", "workers", "pool", "environment", "runtime", "records", "locks",
    "snapshot", "tally", "sections", "config", "runs", "depot", "sweep", "plan", "selection", "statistics",
    "pretrained", "evaluation", "rounds", "beginning", "lineage", "watch", "training", "trained", "wiring",
    "command", "recording", "benchmark", "scoring", "tiles", "camera", "video", "mirror", "histories", "comparison",
    "curves", "summary", "figures", "rhythm", "dynamics", "plots", "report", "tables", "display",
    "sweep_results", "sweep_plots", "jobs", "local", "cluster", "forecast", "sweep_tables", "launch", "findings",
)  # fmt: skip
LIBRARY = ORDER[: ORDER.index("population") + 1]


def imports(name):
    """Return the full names of all modules that a module of dsjax imports, anywhere in it."""
    found = set()
    for node in ast.walk(ast.parse((ROOT / "dsjax" / f"{name}.py").read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        if isinstance(node, ast.ImportFrom) and node.module:
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return found


def test_every_module_has_its_place():
    assert {path.stem for path in (ROOT / "dsjax").glob("*.py")} == {"__init__", *ORDER}


@pytest.mark.parametrize("name", ORDER)
def test_modules_import_only_from_above(name):
    ours = {module.split(".")[1] for module in imports(name) if module.startswith("dsjax.")}
    assert ours <= set(ORDER[: ORDER.index(name)])


@pytest.mark.parametrize("name", LIBRARY)
def test_the_library_needs_only_jax_and_optax(name):
    roots = {module.split(".")[0] for module in imports(name)}
    assert roots <= {"jax", "optax", "dsjax", "typing", "dataclasses", "math"}


@pytest.mark.parametrize(
    ("statement", "absent"),
    [
        ("import dsjax; dsjax.population", ("gymnasium", "orbax", "matplotlib")),
        ("import dsjax.environment", ("jax", "orbax", "matplotlib")),  # what env workers pay for
    ],
)
def test_importing_stays_light(statement, absent):
    code = f"{statement}\nimport sys\nprint([m for m in {absent!r} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert done.stdout.strip() == "[]"


def test_a_clone_does_not_hide_the_package_from_the_folder_that_holds_it(tmp_path):
    """A clone's folder is named dsjax too, and is no package: from beside it, the installed one must be found."""
    (tmp_path / "dsjax").symlink_to(ROOT)
    code = "import dsjax; print(dsjax.__version__, dsjax.presets.__name__)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=tmp_path)
    assert done.stdout.split()[1] == "dsjax.presets"
