"""METG for the terminal: the table, what its terms mean, and the advice for a task of one's own."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from gilscope.report.figures import NONE, counted, seconds, spread
from gilscope.report.studies import few_blocks, once_per_reason, share, span, study_report
from gilscope.report.terminal.painted import painted, plain_table
from gilscope.studies.document import RowStatus
from gilscope.studies.metg import PATTERNS, MetgDocument, MetgRow, Pattern, batches_of
from gilscope.studies.metg.model import SPIN

_ROOMY = 112  # columns from which the empty tasks fit too
_POOR = 0.9  # efficiency of the control below which the machine is worth mentioning


def render_metg(document: MetgDocument, *, width: int, color: bool = False, path: str | None = None) -> str:
    """Lay out the whole study."""
    shown = [row for row in document.rows if row.status != "unavailable"]
    table = _table(shown, width, color=color) if shown else ""
    title = f"METG(50 %) with {counted(document.asked.workers, 'worker')}, {document.blocks} blocks"
    return study_report(document, [f"{title}\n{table}"], _notes(document), path, width)


def _table(rows: Sequence[MetgRow], width: int, *, color: bool) -> str:
    roomy = width >= _ROOMY
    numbers = [f"METG(50 %)\n{_of(pattern)}" for pattern in PATTERNS]
    if roomy:
        numbers += [f"empty task\n{_of(pattern)}" for pattern in PATTERNS]
    table = plain_table(["executor", "dispatch"], numbers, gap=2 if roomy else 1)
    by_label: dict[str, dict[str, MetgRow]] = {}
    for row in rows:
        by_label.setdefault(row.label, {})[row.pattern] = row
    for label, both in by_label.items():
        patterns = [both.get(pattern) for pattern in PATTERNS]
        cells = [*map(_metg, patterns), *(map(_empty_task, patterns) if roomy else ())]
        table.add_row(label, next(iter(both.values())).dispatch, *cells)
    return painted(table, width, color=color).rstrip("\n")


def _empty_task(row: MetgRow | None) -> str:
    found = row.empty_task_s if row else None
    return NONE if found is None else f"{seconds(found.value)} {spread(found)}"


def _of(pattern: Pattern) -> str:
    return pattern if pattern == "steps" else f"{pattern} of {PATTERNS['bag']}"


def _metg(row: MetgRow | None) -> str:
    if row is None:
        return NONE
    if row.status == "ok":
        return span(row.metg_s)
    if row.status == "below_sweep" and row.curve and (smallest := row.curve[0].granularity_s) is not None:
        return f"below {seconds(smallest.value)}"
    return row.status.replace("_", " ")


def _notes(document: MetgDocument) -> Iterator[tuple[str, str]]:
    rows = document.rows
    yield "METG", "workers x wall per task at which half is work; by itself such a task takes half of it."
    yield "steps", "one task per worker, then all meet, again and again."
    yield "bag", f"{PATTERNS['bag']} independent tasks per worker, then all meet."
    yield "static", "tasks are dealt to workers that stay: within a bag one costs a call, and a step costs a meeting."
    if any(row.dispatch == "submit" for row in rows):
        yield "submit", "each task is handed over on its own, as pool.submit does."
    yield from (("n/a", text) for text in once_per_reason(rows, ["unavailable"]))
    yield from (("failed", text) for text in once_per_reason(rows, ["failed", "timeout", "wrong_result"]))
    yield from (("not reached", text) for text in _per_pattern(rows, "not_reached"))
    yield from (("below", text) for text in _per_pattern(rows, "below_sweep"))
    yield from (("undecided", f"{text}.") for text in _per_pattern(rows, "ok"))
    yield "net", _basis(rows)
    yield from (("note", f"{text}.") for text in document.notes)
    yield "machine", _machine(document)
    yield "precision", few_blocks(document)
    yield "advice", advice(document)


def _per_pattern(rows: Sequence[MetgRow], status: RowStatus) -> Iterator[str]:
    found = (row for row in rows if row.status == status and row.reason)
    return (f"{row.label} ({_of(row.pattern)}): {row.reason}" for row in found)


def _basis(rows: Sequence[MetgRow]) -> str:
    """Say which rows leave out what other programs took; nothing where a file knows no such lengths."""
    timed = [f"{row.label} ({_of(row.pattern)})" for row in rows if row.basis == "as timed" and row.curve]
    if not any(row.basis.startswith("net") for row in rows):
        return f"not known here: as timed, with what other programs took: {', '.join(timed)}." if timed else ""
    but = f", but for {', '.join(timed)}: as timed" if timed else ""
    return f"without what other programs took of workers{but}. What they took of a parent that submits is in."


def _machine(document: MetgDocument) -> str:
    """Say what the machine gave to p workers, where that is not nearly all."""
    found = document.controls.get(SPIN)
    if found is None or found.value >= _POOR:
        return ""
    steps = (row for row in document.rows if row.pattern == "steps" and row.workers > 1)
    relative = [f"{row.label} {span(row.relative_metg_s)}" for row in steps if row.relative_metg_s is not None]
    text = f"it gave the workers {share(found)} of what it gives one at a time; what is missing raises every METG."
    return f"{text} Held against what it gave, steps have {', '.join(relative)}." if relative else text


def advice(document: MetgDocument) -> str:
    """Say how many tasks like that of ``--task`` make half of the time work; without one, how long a task must be."""
    task_s = document.asked.task_s
    if task_s is None:
        found = batches_of(document.rows, 1e-9)
        listed = ", ".join(f"{seconds(count * 1e-9)} under {label}" for label, (count, _) in found.items())
        how = f"for half of the time to be work, a task must take {listed}. --task 40us tells how many to put together."
        return how if found else ""
    batches = batches_of(document.rows, task_s)
    alone = [label for label, (count, _) in batches.items() if count == 1]
    small = ((label, *batch) for label, batch in batches.items() if batch[0] > 1)
    several = [f"at least {count} per batch{_at_most(count, most)} under {label}" for label, count, most in small]
    parts = [f"needs {', '.join(several)}"] if several else []
    parts += [f"is large enough alone under {', '.join(alone)}"] if alone else []
    return f"your task of {seconds(task_s)} {'; it '.join(parts)}." if parts else ""


def _at_most(count: int, most: int | None) -> str:
    if most is None:
        return " (perhaps many more)"
    return f" (up to {most})" if most > count else ""
