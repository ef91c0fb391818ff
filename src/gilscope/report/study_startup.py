"""What workers cost, for the terminal."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from gilscope.report.figures import NONE, counted, sized
from gilscope.report.studies import few_blocks, once_per_reason, span, study_report
from gilscope.report.terminal.painted import painted, plain_table
from gilscope.stats import Estimate
from gilscope.studies.startup import StartupDocument, StartupRow

_ROOMY = 146  # columns from which creating and joining have columns of their own

_Figure = Callable[[StartupRow], Estimate | None]
_APART: dict[str, _Figure] = {
    "import": lambda row: row.import_s,
    "create": lambda row: row.create_s,
    "join": lambda row: row.join_s,
}
_TOGETHER: dict[str, _Figure] = {"first time": lambda row: row.total_s, "again": lambda row: row.again_s}


def render_startup(document: StartupDocument, *, width: int, color: bool = False, path: str | None = None) -> str:
    """Lay out the whole study."""
    shown = [row for row in document.rows if row.status != "unavailable"]
    title = f"create and join {counted(document.asked.workers, 'worker')}, {document.blocks} blocks"
    table = _table(shown, width, color=color) if shown else ""
    return study_report(document, [f"{title}\n{table}"], _notes(document), path, width)


def _table(rows: Sequence[StartupRow], width: int, *, color: bool) -> str:
    roomy = width >= _ROOMY
    columns = {**_APART, **_TOGETHER} if roomy else _TOGETHER
    table = plain_table(["workers"], [*columns, "memory each"], gap=2 if roomy else 1)
    for row in rows:
        status = "" if row.status == "ok" else row.status.replace("_", " ")
        table.add_row(row.label, *(status or span(figure(row)) for figure in columns.values()), _memory(row))
    return painted(table, width, color=color).rstrip("\n")


def _memory(row: StartupRow) -> str:
    if row.pss_bytes is None:
        return "n/a" if row.pss_reason else NONE
    return sized(max(0.0, row.pss_bytes.value))


def _notes(document: StartupDocument) -> Iterator[tuple[str, str]]:
    rows = document.rows
    first_time = (
        "in a fresh process, until every worker has answered and then until all have ended; the library is loaded "
        "before. With forkserver it includes starting the server."
    )
    yield "first time", first_time
    yield "again", "once more in the same process."
    yield "memory", "proportional set size: what the group of processes has more, over the workers."
    yield from (("n/a", text) for text in once_per_reason(rows, ["unavailable"]))
    yield from (("failed", text) for text in once_per_reason(rows, ["failed", "timeout"]))
    yield from (("memory", f"n/a: {why}") for why in dict.fromkeys(row.pss_reason for row in rows) if why)
    yield from (("note", f"{text}.") for text in document.notes)
    yield "precision", few_blocks(document)
