"""What workers cost, for the terminal."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from gilscope.report.figures import NONE
from gilscope.report.studies import Row, few_blocks, head, labelled, once_per_reason, sized, span
from gilscope.report.terminal.painted import painted, plain_table

__all__ = ["render_startup"]

_ROOMY = 146  # columns from which creating and joining stand apart


def render_startup(document: Mapping[str, Any], *, width: int, color: bool = False, path: str | None = None) -> str:
    """Lay out the whole study."""
    workers = document["asked"]["workers"]
    shown = [row for row in document["rows"] if row["status"] != "unavailable"]
    title = f"create and join {workers} worker{'' if workers == 1 else 's'}, {document['blocks']} blocks"
    table = painted([_table(shown, width)], width, color=color).rstrip("\n") if shown else ""
    parts = (head(document, path, width), f"{title}\n{table}", labelled(_notes(document), width))
    return "\n\n".join(part for part in parts if part) + "\n"


def _table(rows: Sequence[Row], width: int) -> Any:
    names = {"total_s": "first time", "again_s": "again"}
    if width >= _ROOMY:
        names = {"import_s": "import", "create_s": "create", "join_s": "join", **names}
    table = plain_table(["workers"], [*names.values(), "memory each"], gap=2 if width >= _ROOMY else 1)
    for row in rows:
        figures = [row["status"].replace("_", " ") if row["status"] != "ok" else span(row[name]) for name in names]
        table.add_row(row["label"], *figures, _memory(row))
    return table


def _memory(row: Row) -> str:
    found = row["pss_bytes"]
    if found is None:
        return "n/a" if row["pss_reason"] else NONE
    return sized(max(0.0, found["value"]))


def _notes(document: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield (word, text) of what stands below the table."""
    rows = document["rows"]
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
    for reason in dict.fromkeys(row["pss_reason"] for row in rows if row["pss_reason"]):
        yield "memory", f"n/a: {reason}"
    yield "precision", few_blocks(document)
