"""Tables and paragraphs as text: plain, or with the escape codes of a terminal."""

from __future__ import annotations

import io
import textwrap
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from gilscope.report.figures import NO_BREAK, unbroken

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.table import Table


def painted(part: RenderableType, width: int, *, color: bool) -> str:
    """Return what rich makes of a part: plain text, or with the escape codes of a terminal."""
    from rich.console import Console

    console = Console(
        file=io.StringIO(),
        width=width,
        force_terminal=color,
        no_color=not color,
        color_system="standard" if color else None,
        markup=False,
        highlight=False,
        emoji=False,
        legacy_windows=False,
    )
    with console.capture() as captured:
        console.print(part)
    return "\n".join(line.rstrip() for line in captured.get().splitlines()) + "\n"


def plain_table(left: Sequence[str], right: Sequence[str] = (), *, gap: int = 2) -> Table:
    """Return a table without lines: ``left`` columns of text, ``right`` columns of numbers."""
    from rich.table import Table

    table = Table(box=None, pad_edge=False, padding=(0, gap, 0, 0), header_style="bold", show_edge=False)
    for name in left:
        table.add_column(name, overflow="fold")
    for name in right:
        table.add_column(name, justify="right", no_wrap=True, overflow="fold")
    return table


def facts_table(pairs: Mapping[str, object], width: int, *, color: bool = False) -> str:
    """Lay out names and values in two columns."""
    from rich.table import Table

    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), show_header=False)
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for name, value in pairs.items():
        table.add_row(name, str(value))
    return painted(table, width, color=color)


def filled(indent: str, text: str, width: int) -> str:
    """Wrap a text between words, but never inside an interval or before a per cent sign."""
    return textwrap.fill(
        unbroken(text),
        width,
        initial_indent=indent,
        subsequent_indent=" " * len(indent),
        break_on_hyphens=False,
        break_long_words=False,
    ).replace(NO_BREAK, " ")
