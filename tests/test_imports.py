"""The structure: which folder may import which, and what importing a part of the package loads."""

import ast
import subprocess
import sys

import pytest
from helpers import ROOT

PACKAGE = ROOT / "dsjax"
# The library, from the bottom: pure JAX.
LIBRARY = (
    "hyperparameters", "shapes", "summation", "lyapunov", "oscillator", "synapse", "noise", "fluctuation", "receptors",
    "neuron", "timing", "learning", "layer", "observation", "controller", "presets", "population", "walker",
)  # fmt: skip
# Then the program's floors, from the bottom: a folder imports only from those above it in this list, and the library.
FLOORS = (
    "errors", "machine", "loopback", "envs", "config", "storage", "analysis", "evaluation", "training", "sweeps",
    "video", "plotting", "report", "teaching", "cli",
)  # fmt: skip
ORDER = (*LIBRARY, *FLOORS)
# The walker's files that need gymnasium; they are imported by name, and `from dsjax import walker` loads neither.
FOR_GYMNASIUM = [PACKAGE / "walker" / f"{name}.py" for name in ("functional", "rendering")]
MODULES = sorted(path for path in PACKAGE.rglob("*.py") if path.name not in ("__init__.py", "__main__.py"))


def imports(path):
    """Return the full names of all modules that a module imports, anywhere in it."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        if isinstance(node, ast.ImportFrom) and node.module:
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return found


def floor(path):
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def ours(path):
    """Return the floors of dsjax that a module imports from; the package itself, as for its version, is none."""
    parts = (name.split(".") for name in imports(path) if name.startswith("dsjax."))
    return {part[1] for part in parts} & set(ORDER)


def test_every_module_has_its_floor():
    assert {floor(path) for path in MODULES} == set(ORDER)


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_folders_import_only_from_those_above(path):
    own = floor(path)
    allowed = set(ORDER[: ORDER.index(own)]) | ({own} if path.parent != PACKAGE else set())
    assert ours(path) <= allowed


def test_the_modules_of_a_folder_do_not_import_in_a_circle():
    names = {".".join(path.relative_to(ROOT).with_suffix("").parts): path for path in MODULES}
    left = {name: prefixes(imports(path)) & names.keys() for name, path in names.items()}
    while free := [name for name, others in left.items() if not others & left.keys()]:
        left = {name: others for name, others in left.items() if name not in free}
    assert not left


def prefixes(found):
    return {name for full in found for name in (full, full.rpartition(".")[0])}


@pytest.mark.parametrize("name", LIBRARY)
def test_the_library_needs_only_jax_and_optax(name):
    files = [path for path in MODULES if floor(path) == name and path not in FOR_GYMNASIUM]
    roots = {module.split(".")[0] for path in files for module in imports(path)}
    assert roots <= {
        *("jax", "optax", "dsjax", "jaxtyping", "numpy"),
        *("collections", "contextlib", "contextvars", "dataclasses", "functools", "math", "pathlib", "pkgutil"),
        *("tomllib", "typing", "zipfile"),
    }


def test_what_is_for_gymnasium_is_imported_by_nothing_else_of_the_walker():
    for path in MODULES:
        if floor(path) == "walker" and path not in FOR_GYMNASIUM:
            assert not prefixes(imports(path)) & {f"dsjax.walker.{other.stem}" for other in FOR_GYMNASIUM}


@pytest.mark.parametrize(
    ("statement", "absent"),
    [
        ("from dsjax import " + ", ".join(LIBRARY), ("numpy.testing", "gymnasium", "orbax", "matplotlib", "pydantic")),
        ("import dsjax.envs.make", ("jax", "orbax", "matplotlib")),  # what env workers pay for
        ("import dsjax.storage.run", ("jax", "gymnasium", "Box2D", "orbax")),  # what reading a table pays for
        ("import dsjax.analysis.comparison", ("jax", "gymnasium", "Box2D", "orbax")),
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
