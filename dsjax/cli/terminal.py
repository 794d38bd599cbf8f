"""What is printed on a terminal: whatever a user names is text, never rich's markup."""

from typing import Any

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text


def say(console: Console, *lines: object) -> None:
    """Print lines as they are, on lines as long as they are: they may be copied, to a shell for one."""
    console.print(*map(str, lines), sep="\n", soft_wrap=True, markup=False, emoji=False, highlight=False)


def note(console: Console, text: str) -> None:
    """Print something that a reader must know."""
    console.print(Text.assemble(("note: ", "yellow"), text), soft_wrap=True)


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
