"""What workers cost, for the terminal."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING

from gilscope.report.figures import NONE
from gilscope.report.studies import few_blocks, head, labelled, once_per_reason, sized, span
from gilscope.report.terminal.painted import painted, plain_table
from gilscope.stats import Estimate
from gilscope.studies.startup import StartupDocument, StartupRow

if TYPE_CHECKING:
    from rich.table import Table

__all__ = ["render_startup"]

_ROOMY = 146  # columns from which creating and joining stand apart

_Figure = Callable[[StartupRow], Estimate | None]
_APART: dict[str, _Figure] = {
    "import": lambda row: row.import_s,
    "create": lambda row: row.create_s,
    "join": lambda row: row.join_s,
}
_TOGETHER: dict[str, _Figure] = {"first time": lambda row: row.total_s, "again": lambda row: row.again_s}


def render_startup(document: StartupDocument, *, width: int, color: bool = False, path: str | None = None) -> str:
    """Lay out the whole study."""
    workers = document.asked.workers
    shown = [row for row in document.rows if row.status != "unavailable"]
    title = f"create and join {workers} worker{'' if workers == 1 else 's'}, {document.blocks} blocks"
    table = painted([_table(shown, width)], width, color=color).rstrip("\n") if shown else ""
    parts = (head(document, path, width), f"{title}\n{table}", labelled(_notes(document), width))
    return "\n\n".join(part for part in parts if part) + "\n"


def _table(rows: Sequence[StartupRow], width: int) -> Table:
    columns = {**_APART, **_TOGETHER} if width >= _ROOMY else _TOGETHER
    table = plain_table(["workers"], [*columns, "memory each"], gap=2 if width >= _ROOMY else 1)
    for row in rows:
        status = "" if row.status == "ok" else row.status.replace("_", " ")
        table.add_row(row.label, *(status or span(figure(row)) for figure in columns.values()), _memory(row))
    return table


def _memory(row: StartupRow) -> str:
    if row.pss_bytes is None:
        return "n/a" if row.pss_reason else NONE
    return sized(max(0.0, row.pss_bytes.value))


def _notes(document: StartupDocument) -> Iterator[tuple[str, str]]:
    """Yield (word, text) of what stands below the table."""
    rows = document.rows
    yield (
        "first time",
        (
            "in a fresh process, until every worker has answered and then until all have ended; the library is loaded "
            "before. With forkserver it includes starting the server."
        ),
    )
    yield "again", "once more in the same process."
    yield "memory", "proportional set size: what the group of processes has more, over the workers."
    for text in once_per_reason(rows, ["unavailable"]):
        yield "n/a", text
    for text in once_per_reason(rows, ["failed", "timeout"]):
        yield "failed", text
    for reason in dict.fromkeys(row.pss_reason for row in rows if row.pss_reason):
        yield "memory", f"n/a: {reason}"
    for text in document.notes:
        yield "note", f"{text}."
    yield "precision", few_blocks(document)
