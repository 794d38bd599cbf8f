import io

import pytest
from rich.console import Console

from dsjax.cli.terminal import PlainTable, note, say

NASTY = ["x[/]", "sweep[lr=1e-4]", "[red]x[/red]", ":smile:", r"a\[b]", "[link=file:///]y"]


@pytest.mark.parametrize("text", NASTY)
def test_what_a_user_names_is_shown_as_it_is(text):
    console = Console(file=io.StringIO(), width=100, force_terminal=False)
    say(console, f"In {text}")
    note(console, text)
    table = PlainTable(f"{text}\nsecond line")
    table.add_column(text, min_width=40)
    table.add_row(text)
    table.add_caption(f"below {text}")
    console.print(table)
    shown = [line.strip() for line in console.file.getvalue().splitlines() if line.strip() and "─" not in line]
    assert shown == [f"In {text}", f"note: {text}", text, "second line", text, text, f"below {text}"]


def test_long_lines_can_be_copied():
    console = Console(file=io.StringIO(), width=20)
    say(console, "python scripts/train.py --output " + "x" * 50)
    assert len(console.file.getvalue().splitlines()) == 1
