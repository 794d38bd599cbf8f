"""One self-contained HTML page of a comparison: numbers, figures, configs and a film, to open from a disk offline."""

import base64
import tempfile
from collections import Counter
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path
from typing import Any

import jinja2
from matplotlib.figure import Figure

from dsjax.analysis.comparison import Comparison
from dsjax.analysis.members import Member
from dsjax.analysis.summary import group_rows, member_rows, pair_rows
from dsjax.config.loading import to_toml
from dsjax.errors import RunError
from dsjax.evaluation import recording
from dsjax.evaluation.controllers import Controllers, load_controllers
from dsjax.plotting import comparisons, member, style
from dsjax.plotting.synapses import draw, moved_farthest
from dsjax.storage.atomic import make_folder, write_text
from dsjax.storage.metadata import read_events, version
from dsjax.storage.run import Run
from dsjax.video import films

_FILM_STEPS = 400  # a film of 8 s says how a walker walks, and is small enough for a page

_CAPTIONS = {
    "training-steps": "Training returns over steps, of the oscillating, learning controllers.",
    "training-episodes": "Training returns over episodes; dotted where only some members have had so many.",
    "solved": "Members solved by each of the two rules, over steps. Members not solved are censored, not left out.",
    "frozen-steps": "Returns of the frozen centers on held-out terrains, evaluated between rounds.",
    "final-returns": "Final episodes of every member's frozen centers, and the share that ended in a fall.",
    "profile": "Share of members whose frozen centers score more than a return.",
    "improvement": "Probability that a member of one group scores more than one of another.",
}


def write_report(comparison: Comparison, path: Path) -> None:
    """Write the page, whole or not at all.

    Beside all figures of the comparison it shows the training, the inside and a film of its best member.

    Args:
      comparison: of one run or many, which may be going on.
      path: of the HTML file.
    """
    notes = list(comparison.notes)
    pictures = [_picture(figure, _CAPTIONS[name]) for name, figure in comparisons.comparison_figures(comparison)]
    best = _best(comparison)
    name = f"{best.run.name}, member {best.index}"
    pictures.append(_picture(member.progress(best), f"Training of {name}."))
    try:
        controllers = load_controllers(best.run.folder)
        inside = recording.record(controllers, best.index)
        pictures += [
            _picture(figure, f"Inside {name}, oscillating and learning: {kind}.")
            for kind, figure in draw(inside, moved_farthest(inside)).items()
        ]
        film = {
            "data": _film(controllers, best.index),
            "caption": f"Frozen centers of {name}, the best by mean return.",
        }
    except RunError as error:
        film = None
        notes.append(f"without a look inside and a film: {error}")
    page = _template().render(
        title=", ".join(run.name for run in _runs(comparison)),
        written=datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        version=version("dsjax"),
        environments=sorted({run.config.environment.id for run in _runs(comparison)}),
        terrains=comparison.terrains,
        notes=notes,
        groups=_group_table(comparison),
        pairs=pair_rows(comparison),
        members=member_rows(comparison),
        pictures=pictures,
        film=film,
        runs=[_about(run) for run in _runs(comparison)],
    )
    make_folder(path.parent)
    write_text(path, page)


def _group_table(comparison: Comparison) -> list[list[Any]]:
    """Return the groups' numbers, a row each and a column per group: names first, intervals with their value."""
    rows = group_rows(comparison)
    names = [name for name in rows[0] if not name.endswith(("_low", "_high"))]
    return [[name, *(_with_interval(row, name) for row in rows)] for name in names]


def _with_interval(row: dict[str, Any], name: str) -> Any:
    value = _number(row[name])
    if f"{name}_low" not in row:
        return value
    low, high = row[f"{name}_low"], row[f"{name}_high"]
    return f"{value} ({_number(low)} to {_number(high)})" if low == low and high == high else value


def _runs(comparison: Comparison) -> list[Run]:
    """Return the runs of a comparison, each once, in order."""
    return list({m.run.folder: m.run for group in comparison.groups for m in group.members}.values())


def _best(comparison: Comparison) -> Member:
    """Return the member with the highest frozen return, or if none was evaluated, training return."""
    members = [member for group in comparison.groups for member in group.members]
    evaluated = [member for member in members if member.score == member.score]
    if evaluated:
        return max(evaluated, key=lambda member: member.score)
    return max(members, key=lambda member: member.recent.mean() if len(member.recent) else float("-inf"))


def _about(run: Run) -> dict[str, Any]:
    events = [event["event"] for event in read_events(run.folder)]
    return {
        "name": str(run.folder),
        "sessions": run.sessions,
        "events": Counter(events),
        "config": to_toml(run.config),
    }


def _picture(figure: Figure, caption: str) -> dict[str, str]:
    image = BytesIO()
    style.styled(figure.savefig)(image, format="png")
    return {"data": _encoded(image.getvalue()), "caption": caption}


def _film(controllers: Controllers, member: int) -> str:
    """Return a short film as base64."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "film.mp4"
        films.film(controllers, [member], 0, [path], max_steps=_FILM_STEPS)
        return _encoded(path.read_bytes())


def _encoded(content: bytes) -> str:
    return base64.b64encode(content).decode()


def _template() -> jinja2.Template:
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("dsjax.plotting", "."), autoescape=True, undefined=jinja2.StrictUndefined
    )
    environment.filters["number"] = _number
    return environment.get_template("report.html")


def _number(value: Any) -> Any:
    """Return a cell of a table: numbers with four digits that matter, grouped by thousands."""
    if not isinstance(value, float):
        return f"{value:,}" if isinstance(value, int) and not isinstance(value, bool) else value
    if value != value:
        return "-"
    if abs(value) == float("inf"):
        return "not reached"
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.4g}"
