"""Tables for the terminal, from the analysis document; plain text unless colours are asked for.

Laid out for 80 columns, roomier where there are more. Colour only repeats what a word or sign already says.
"""

from __future__ import annotations

import io
import textwrap
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from gilscope.report import facts, interpreters, notes, reasons
from gilscope.report.comparison import OVER_SUBSCRIBED, comparison, explanation, plain_table
from gilscope.report.facts import Document
from gilscope.report.figures import NO_BREAK, NONE, seconds, unbroken
from gilscope.report.verdict import is_own, verdict

if TYPE_CHECKING:
    from rich.console import RenderableType

__all__ = ["ONE_TIME", "facts_table", "painted", "render", "render_head", "render_kernel", "render_one_time"]

_LABEL_COLUMNS = 11  # "precision" and two spaces

ONE_TIME = ("start", "import", "jit", "transfer")


def render(document: Document, *, width: int, color: bool = False, one_time: bool = False) -> str:
    """Lay out everything a result tells: per kernel the table, what to know about it, and the sentence.

    Parameters
    ----------
    width : int
        Columns to use.
    one_time : bool
        Add the table of one-time costs.
    """
    document = facts.printable(document)
    parts = [render_head(document, width)]
    for kernel in facts.kernels(document):
        parts.append(render_kernel(document, kernel, width=width, color=color))
        if one_time:
            parts.append(render_one_time(document, kernel, width=width, color=color))
    if not document["cases"]:
        parts.append("No case was measured.")
    return "\n\n".join(part for part in parts if part) + "\n"


def render_head(document: Document, width: int) -> str:
    """Lay out on what was measured, what could have spoilt it, and where the result is."""
    lines = [notes.environment_note(document), *interpreters.interpreter_notes(document)]
    lines += [f"caution: {text}" for text in notes.check_notes(document)]
    lines += [f"warning: {text}" for text in document.get("warnings", ())]
    if document.get("interrupted"):
        lines.append("Interrupted: what was measured until then.")
    lines.append(f"result: {document['result']}")
    return "\n".join(_filled("", line, width) for line in lines if line)


def render_kernel(document: Document, kernel: str, *, width: int, color: bool = False) -> str:
    """Lay out one kernel: table, notes, closing sentence."""
    rows = facts.of_kernel(document, kernel)
    shown = [row for row in rows if row["status"] != "unavailable"]
    best = facts.fastest_serial(document, kernel)
    table = painted([comparison(shown, best, width)], width, color=color) if shown else ""
    why = explanation(shown, width)
    if why is not None:
        table += "\n" + painted([why], width, color=color)
    labelled = [
        *(("n/a", text) for text in notes.unavailable_notes(rows)),
        *(("failed", text) for text in notes.trouble_notes(rows)),
        ("noisy", notes.noise_note(rows)),
        ("versus", notes.serial_note(document, kernel)),
        *(("price", text) for text in interpreters.price_notes(document, kernel)),
        ("machine", notes.controls_note(document, kernel)),
        ("one-time", notes.one_time_note(rows)),
        ("precision", notes.precision_note(document, kernel)),
        (OVER_SUBSCRIBED, notes.over_subscribed_note(document, shown)),
        *(("finding", text) for text in reasons.finding_notes(document, kernel)),
        ("residual", reasons.unexplained_note(document, kernel)),
        ("verdict", (verdict if is_own(document) else notes.closing)(document, kernel)),
    ]
    lines = [_labelled(name, text, width) for name, text in labelled if text]
    units = sorted({row["rate"]["unit"] for row in facts.measured(rows)})
    title = f"{kernel}, rates in {', '.join(units)} per second" if units else kernel
    return "\n".join(part for part in (title, table.rstrip("\n"), *lines) if part)


def _labelled(name: str, text: str, width: int) -> str:
    return _filled(f"{name:<{_LABEL_COLUMNS}}", text, width)


def _filled(indent: str, text: str, width: int) -> str:
    """Wrap a text between words, but never inside an interval."""
    held = unbroken(text)
    return textwrap.fill(
        held,
        width,
        initial_indent=indent,
        subsequent_indent=" " * len(indent),
        break_on_hyphens=False,
        break_long_words=False,
    ).replace(NO_BREAK, " ")


def render_one_time(document: Document, kernel: str, *, width: int, color: bool = False) -> str:
    """Lay out what is paid once per case: starting workers, importing, compiling, sending inputs."""
    rows = [row for row in facts.of_kernel(document, kernel) if any(row["one_time_s"].values())]
    if not rows:
        return ""
    table = plain_table(["case"], [*ONE_TIME, "jit cache"], gap=2)
    for row in rows:
        costs = row["one_time_s"]
        cells = [seconds(costs[name]) if costs.get(name) else NONE for name in ONE_TIME]
        cache = row["jit_cache"]
        table.add_row(row["case"], *cells, NONE if cache == "none" else cache)
    return f"{kernel}: one-time costs, not part of any rate\n{painted([table], width, color=color).rstrip()}"


def painted(parts: Iterable[RenderableType], width: int, *, color: bool) -> str:
    """Return what rich makes of the parts: plain text, or with the escape codes of a terminal."""
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
        for part in parts:
            console.print(part)
    return "\n".join(line.rstrip() for line in captured.get().splitlines()) + "\n"


def facts_table(pairs: Mapping[str, Any], width: int, *, color: bool = False) -> str:
    """Lay out names and values in two columns."""
    from rich.table import Table

    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), show_header=False)
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for name, value in pairs.items():
        table.add_row(name, str(value))
    return painted([table], width, color=color)
