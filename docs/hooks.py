"""Pages that MkDocs builds from the package, so that they cannot be out of date: hyperparameters, presets, tables."""

import dataclasses
from pathlib import Path

from mkdocs.structure.files import File, Files

from dsjax.analysis.columns import COLUMNS
from dsjax.config import schema
from dsjax.config.documented import meanings_of
from dsjax.config.loading import build
from dsjax.presets import PRESETS

_ROOT = Path(__file__).parents[1]


def on_files(files: Files, config) -> Files:
    """Put the generated part of a page where its text says `<!-- NAME -->`."""
    for page, parts in {
        "hyperparameters.md": {"hyperparameters": hyperparameters()},
        "presets.md": {"differences": differences()},
        "tables.md": {f"{name}": columns(name) for name in COLUMNS},
    }.items():
        text = (_ROOT / "docs" / page).read_text()
        for name, part in parts.items():
            mark = f"<!-- {name} -->"
            if mark not in text:
                raise ValueError(f"docs/{page}: {mark} is missing")
            text = text.replace(mark, part)
        if page_there := files.get_file_from_path(page):
            files.remove(page_there)
        files.append(File.generated(config, page, content=text))
    return files


def _cell(value: object) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value).lower() if isinstance(value, bool) else str(value)


def _table(*rows: tuple[str, ...]) -> str:
    first, *rest = rows
    return "".join(f"| {' | '.join(row)} |\n" for row in (first, ("---",) * len(first), *rest))


def hyperparameters() -> str:
    """Return a table for each section of a config: key, meaning with unit, values of both presets."""
    configs = [build({"preset": name}) for name in PRESETS]
    sections = ["", *(field.name for field in dataclasses.fields(configs[0]) if field.name in _sections(configs[0]))]
    return "\n".join(_section(section, configs) for section in sections)


def _sections(config: schema.Config) -> list[str]:
    named = [field.name for field in dataclasses.fields(config)]
    return [name for name in named if dataclasses.is_dataclass(getattr(config, name)) and name != "parent"]


def _section(section: str, configs: list[schema.Config]) -> str:
    parts = [getattr(config, section) if section else config for config in configs]
    meanings = meanings_of(type(parts[0]), section)
    keys = [key for key in meanings if not dataclasses.is_dataclass(getattr(parts[0], key)) and key != "points"]
    rows = [(f"`{key}`", meanings[key], *(f"`{_cell(getattr(part, key))}`" for part in parts)) for key in keys]
    title = f"## `[{section}]`" if section else "## The run"
    return f"{title}\n\n" + _table(("key", "meaning [unit]", *PRESETS), *rows)


def differences() -> str:
    """Return the table of the keys in which the two published controllers differ."""
    first, second = PRESETS.values()
    rows = [
        (f"`{section}.{key}`", schema.DECLARED[section][key][1].sentence, f"`{_cell(value)}`", f"`{_cell(other)}`")
        for section, keys in first.items()
        for key, value in keys.items()
        if (other := second[section][key]) != value
    ]
    return _table(("key", "meaning [unit]", *PRESETS), *rows)


def columns(table: str) -> str:
    """Return the table of a table's columns."""
    return _table(("column", "meaning [unit]"), *((f"`{name}`", text) for name, text in COLUMNS[table].items()))
