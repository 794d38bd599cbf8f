"""What is printed on a terminal: whatever a user names is text, never rich's markup."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from rich import box
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.table import Table
from rich.text import Text

from dsjax.analysis.formats import short_duration


def say(console: Console, *lines: object) -> None:
    """Print lines as they are, on lines as long as they are: they may be copied, to a shell for one."""
    console.print(*map(str, lines), sep="\n", soft_wrap=True, markup=False, emoji=False, highlight=False)


def note(console: Console, text: str) -> None:
    """Print something that a reader must know."""
    console.print(Text.assemble(("note: ", "yellow"), text), soft_wrap=True)


_SECONDS = 5.0  # between lines where there is no terminal


@contextmanager
def progress(console: Console, doing: str) -> Iterator[Callable[[float], None]]:
    """Show how far a task is and how long it will take: a bar on a terminal, a line every few seconds elsewhere.

    Yields a function to call with the share that is done, in [0, 1].
    """
    started = shown = time.monotonic()

    def line(done: float) -> None:
        nonlocal shown
        now = time.monotonic()
        if done > 0 and now - shown >= _SECONDS:
            say(console, f"{done:4.0%}  {doing}  {short_duration((now - started) * (1 / done - 1))} left")
            shown = now

    if not console.is_terminal:
        yield line
        return
    columns = TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn(), TextColumn("left")
    with Progress(*columns, TimeRemainingColumn(), console=console, transient=True) as bar:
        task = bar.add_task(doing, total=1.0)
        yield lambda done: bar.update(task, completed=done)


class PlainTable(Table):
    """A table narrow enough for 80 columns, whose texts are shown as they are."""

    def __init__(self, title: str):
        """Begin a table; a folder stands on the title's first line, for it may be long."""
        super().__init__(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), title=Text(title, "table.title"))

    def add_column(self, header: Any = "", *arguments: Any, **options: Any) -> None:
        """Add a column under a text."""
        super().add_column(Text(header), *arguments, **options)

    def add_row(self, *cells: Any, **options: Any) -> None:
        """Add a row of texts."""
        super().add_row(*(Text(cell) if isinstance(cell, str) else cell for cell in cells), **options)

    def add_caption(self, text: str) -> None:
        """Say something below the table."""
        self.caption = Text(text, "table.caption")
