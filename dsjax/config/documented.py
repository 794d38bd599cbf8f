"""A config as TOML with the meaning of every key beside it: what `configs/readme.toml` is."""

import ast
import inspect
from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from textwrap import dedent
from typing import Any

import tomli_w

from dsjax.config.loading import build
from dsjax.config.schema import DECLARED, Config


def documented_toml(config: Config, heading: str) -> str:
    """Return a whole config as TOML, a comment beside every key.

    Args:
      config: the config.
      heading: comment lines that stand first.
    """
    lines = [*(f"# {line}" for line in heading.splitlines()), ""]
    return "\n".join([*lines, *_lines(config, "")]) + "\n"


def _lines(part: Any, section: str) -> Iterator[str]:
    """Yield the lines of a config, or of a section: plain keys first."""
    meanings = meanings_of(type(part), section)
    nested = [field.name for field in fields(part) if is_dataclass(getattr(part, field.name))]
    for field in fields(part):
        if field.name not in nested:
            line = tomli_w.dumps({field.name: getattr(part, field.name)}).replace("\n", "")
            yield f"{line.replace('[    ', '[').replace(',]', ']')}  # {meanings[field.name]}"
    for name in nested:
        yield ""
        yield f"[{name}]  # {_sentence(type(getattr(part, name)).__doc__ or '')}"
        yield from _lines(getattr(part, name), name)


def meanings_of(part: type, section: str = "") -> dict[str, str]:
    """Return what each key of a config's section means, with its unit: as declared, or as its docstring says."""
    if section in DECLARED:
        return {key: declared.sentence for key, (_, declared) in DECLARED[section].items()}
    [definition] = ast.parse(dedent(inspect.getsource(part))).body
    assert isinstance(definition, ast.ClassDef)
    found = {}
    for before, after in zip(definition.body, definition.body[1:], strict=False):
        if isinstance(before, ast.AnnAssign) and isinstance(before.target, ast.Name) and isinstance(after, ast.Expr):
            found[before.target.id] = _sentence(ast.literal_eval(after.value))
    return found


def _sentence(text: str) -> str:
    return " ".join(text.split()).removesuffix(".")


README_HEADING = """\
The controller as in "Dynamic Synapse Neural Network for Bipedal Walking", the later of the two published codes
Every key of a config is here, as `python -m dsjax.config.documented` prints them; others state only differences"""

if __name__ == "__main__":
    print(documented_toml(build({"preset": "readme"}), README_HEADING), end="")
