"""What moving data costs, for the terminal: latencies, a table of bandwidths, the stages of a job."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from gilscope.report.figures import NONE, seconds, si, sized, spread
from gilscope.report.studies import few_blocks, once_per_reason, span, study_report
from gilscope.report.terminal.painted import painted, plain_table
from gilscope.studies.document import RowStatus, StudyRow
from gilscope.studies.ipc_rows import STAGES, IpcDocument, IpcRow, JobRow, TransferRow

_SHORT: Mapping[RowStatus, str] = {"left_out": "left out", "unavailable": "n/a"}


def render_ipc(document: IpcDocument, *, width: int, color: bool = False, path: str | None = None) -> str:
    """Lay out the whole study."""
    here = [row for row in document.rows if row.status != "unavailable"]
    transfers = [row for row in here if isinstance(row, TransferRow)]
    jobs = [row for row in here if isinstance(row, JobRow)]
    tables = []
    if transfers:
        title = f"one way, {document.blocks} blocks: latency, and bandwidth in bytes per second by payload"
        tables.append(f"{title}\n{_transfers(transfers, width, color=color)}")
    if jobs:
        tables.append(f"one job in a process started for it\n{_jobs(jobs, width, color=color)}")
    return study_report(document, tables, _notes(document), path, width)


def _transfers(rows: Sequence[TransferRow], width: int, *, color: bool) -> str:
    sizes = sorted({row.bytes for row in rows if row.kind == "transfer"})
    by_label: dict[str, dict[int | None, TransferRow]] = {}
    for row in rows:
        by_label.setdefault(row.label, {})[row.bytes if row.kind == "transfer" else None] = row
    table = plain_table(["channel"], ["latency", *map(sized, sizes)])
    for label, found in by_label.items():
        latency = found.get(None)
        first = NONE if latency is None else _or_status(latency, span(latency.seconds))
        table.add_row(label, first, *(_bandwidth(found.get(size)) for size in sizes))
    return painted(table, width, color=color).rstrip("\n")


def _bandwidth(row: TransferRow | None) -> str:
    if row is None:
        return NONE
    found, took = row.bandwidth_bytes_per_s, row.seconds
    if found is None:
        return _or_status(row, NONE if took is None else seconds(took.value))
    return _or_status(row, f"{si(found.value).strip()} {spread(found)}")


def _or_status(row: StudyRow, text: str) -> str:
    return text if row.status == "ok" else _SHORT.get(row.status, row.status)


def _jobs(rows: Sequence[JobRow], width: int, *, color: bool) -> str:
    table = plain_table(["process"], [*(name.replace("_", " ") for name in STAGES), "total"], gap=1)
    for row in rows:
        stages = [row.stages_s[name] for name in STAGES]
        cells = [NONE if stage is None else seconds(stage.value) for stage in stages]
        total = NONE if row.total_s is None else f"{seconds(row.total_s.value)} {spread(row.total_s)}"
        table.add_row(row.start_method, *cells, _or_status(row, total))
    return painted(table, width, color=color).rstrip("\n")


def _notes(document: IpcDocument) -> Iterator[tuple[str, str]]:
    one_way = (
        "from the beginning of the sending until the receiver has all of it, in its own memory or shared with the "
        "sender; shared_memory and memory-mapped file: one copy by the sender, then a byte through a pipe."
    )
    yield "one way", one_way
    if any(row.executor == "threads" for row in document.rows):
        yield "queue", "between threads a reference travels and no byte is copied: times instead of bandwidths."
    yield from (("note", f"{text}.") for text in document.notes)
    yield from (("n/a", text) for text in once_per_reason(document.rows, ["unavailable"]))
    yield from (("left out", text) for text in _left_out(document.rows))
    yield from (("failed", text) for text in once_per_reason(document.rows, ["failed", "timeout"]))
    yield "precision", few_blocks(document)


def _left_out(rows: Sequence[IpcRow]) -> Iterator[str]:
    by_reason: dict[str, dict[str, list[str]]] = {}
    for row in rows:
        if row.status == "left_out":
            reason = "; ".join(filter(None, (row.reason, row.cure)))
            by_reason.setdefault(reason, {}).setdefault(sized(row.bytes), []).append(row.label)
    for reason, sizes in by_reason.items():
        which = "; ".join(f"{size} of {', '.join(labels)}" for size, labels in sizes.items())
        yield f"{which}: {reason}"
