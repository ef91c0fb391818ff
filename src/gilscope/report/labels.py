"""What rows are called: in tables, sentences, charts and pages alike."""

from __future__ import annotations

from dataclasses import replace

from gilscope.analysis.rows import CaseRow, MeasuredRow

_MEMORY = {"": "", "kept": " that keep their memory", "onearena": " that keep their memory in one arena"}
OVER_SUBSCRIBED = "!"  # mark of rows with more workers than usable CPUs


def label(row: MeasuredRow) -> str:
    """Name a row within its kernel: ``cy_nogil@threads``."""
    return f"{row.case.implementation}@{row.case.how}"


def mark(row: MeasuredRow) -> str:
    """Say under which interpreter a row was measured, if several could be meant: `` on 3.13t``."""
    return f" on {row.interpreter}" if row.case.interpreter else ""


def named(row: MeasuredRow) -> str:
    """Name a parallel row within its kernel: ``cy_nogil@threads*2 on 3.13t``."""
    return f"{label(row)}*{row.case.workers}{mark(row)}"


def workers(row: MeasuredRow) -> str:
    """Write how many workers: ``4!`` where that is more than the usable CPUs."""
    return f"{row.case.workers}{OVER_SUBSCRIBED if row.over_subscribed else ''}"


def way(row: CaseRow) -> str:
    """Name a way to run a function: ``2 processes``, ``its libraries' own 2 threads``."""
    count = row.case.workers
    if row.case.executor == "native":
        text = f"its libraries' own {count} threads"
    elif row.case.libraries == "all":
        text = f"{count} {row.case.executor} with its libraries' own threads in each"
    else:
        kind = " workers" if row.case.by_tasks else ""  # the others are named by their workers
        text = f"{count} {replace(row.case, memory='').how}{kind}"
    return text + _MEMORY[row.case.memory] + mark(row)
