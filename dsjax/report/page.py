"""One self-contained HTML page of a comparison: its answer with a film, figures and tables, to open offline.

`content` makes the page's text from a comparison and a `Look` at its best member; `page` puts it in a document.
"""

import tempfile
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

import jinja2
from markupsafe import Markup

from dsjax.analysis.comparison import Comparison
from dsjax.config.loading import to_toml
from dsjax.errors import RunError
from dsjax.evaluation import recording
from dsjax.evaluation.controllers import load_controllers
from dsjax.evaluation.recording import Recording
from dsjax.report import pictures
from dsjax.report.answer import answer, best_member
from dsjax.report.pictures import Picture
from dsjax.report.tables import tables
from dsjax.storage.atomic import make_folder, write_text
from dsjax.storage.metadata import read_events, version
from dsjax.storage.run import Run
from dsjax.video import films
from dsjax.video.recorder import size_of

_FILM_STEPS = 400  # a film of 8 s says how a walker walks, and is small enough for a page


class Look(NamedTuple):
    """What one member does: filmed with frozen centers, and seen from inside as it learns."""

    caption: str  # of the film
    film: str = ""  # MP4 in base64; none if empty
    inside: Recording | None = None
    size: tuple[int, int] = (0, 0)  # [pixel] of the film: a page keeps as much room before it is loaded


def write_report(comparison: Comparison, path: Path) -> None:
    """Write the page, whole or not at all.

    Beside all figures of the comparison it shows the training, the inside and a film of its best member.

    Args:
      comparison: of one run or many, which may be going on.
      path: of the HTML file.
    """
    best = best_member(comparison)
    caption = f"Frozen centers of {best.run.name}, member {best.index}, the best by mean return."
    try:
        look, notes = look_at(best.run.folder, best.index, caption), []
    except RunError as error:
        look = Look("There is no film.")
        notes = [f"without a look inside and a film: {error}"]
    inside = list(pictures.of_inside(look.inside)) if look.inside else []
    text = content(comparison, look, inside, notes)
    make_folder(path.parent)
    write_text(path, page(title(comparison), text))


def look_at(
    run: Path, member: int, caption: str, snapshot: str = "latest", check: Callable[[], None] = lambda: None
) -> Look:
    """Film a member of a run, and record it from inside.

    Args:
      run: run folder.
      member: which member.
      caption: of the film.
      snapshot: "latest" or a round.
      check: called now and then; may raise to end the work.

    Raises:
      RunError: there is no such snapshot, or it cannot be filmed.
    """
    controllers = load_controllers(run, snapshot)
    check()
    inside = recording.record(controllers, member)
    check()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "film.mp4"
        films.film(controllers, [member], 0, [path], max_steps=_FILM_STEPS, check=check)
        return Look(caption, pictures.encoded(path.read_bytes()), inside, size_of(path))


def content(
    comparison: Comparison,
    look: Look,
    inside: list[Picture],
    notes: list[str] | None = None,
    check: Callable[[], None] = lambda: None,
) -> str:
    """Return the text of the page.

    Args:
      comparison: what to report.
      look: its film.
      inside: pictures of the same member from inside.
      notes: caveats beside the comparison's.
      check: called now and then; may raise to end the work.
    """
    shown: list[Picture] = []
    for picture in pictures.of_comparison(comparison):
        check()
        shown.append(picture)
    shown += [pictures.of_member(best_member(comparison)), *inside]
    check()
    return _environment().get_template("content.html").render(
        title=title(comparison),
        answer=answer(comparison),
        written=datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        version=version("dsjax"),
        environments=sorted({run.config.environment.id for run in _runs(comparison)}),
        notes=[*comparison.notes, *(notes or [])],
        pictures=shown,
        tables=tables(comparison),
        film=look,
        runs=[_about(run) for run in _runs(comparison)],
    )  # fmt: skip


def page(title: str, content: str, live: bool = False) -> str:
    """Return a document around a text.

    Args:
      title: of the browser's tab.
      content: HTML, as of `content`.
      live: whether it is served, and renews itself.
    """
    return _environment().get_template("page.html").render(title=title, content=Markup(content), live=live)


def title(comparison: Comparison) -> str:
    """Return the runs' names."""
    return ", ".join(run.name for run in _runs(comparison))


def _runs(comparison: Comparison) -> list[Run]:
    """Return the runs of a comparison, each once, in order."""
    return list({member.run.folder: member.run for member in comparison.members}.values())


def _about(run: Run) -> dict[str, Any]:
    events = [event["event"] for event in read_events(run.folder)]
    return {
        "name": str(run.folder),
        "sessions": run.sessions,
        "events": Counter(events),
        "config": to_toml(run.config),
    }


def _environment() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("dsjax.report", "templates"), autoescape=True, undefined=jinja2.StrictUndefined,
        trim_blocks=True,
    )  # fmt: skip
    environment.filters["capitalize_first"] = lambda text: text[:1].upper() + text[1:]
    return environment
