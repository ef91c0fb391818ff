"""Questions to an analysis document that tables and sentences share. Nothing is estimated here."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TypeAlias

from gilscope.cases import DEFAULT_START_METHOD, DEFAULT_TRANSPORT
from gilscope.registry import EXECUTORS, IMPLEMENTATIONS

__all__ = [
    "NOISE_FLOOR",
    "Document",
    "Row",
    "confidence",
    "controls",
    "executor_label",
    "fastest_serial",
    "gil_enabled",
    "holds_gil",
    "is_single",
    "kernels",
    "label",
    "mark",
    "measured",
    "named",
    "of_kernel",
    "of_study",
    "order",
    "printable",
    "usable_cpus",
]

Document: TypeAlias = Mapping[str, Any]
Row: TypeAlias = Mapping[str, Any]

NOISE_FLOOR = "A/A"
_CONTROL = dict.fromkeys((*range(9), *range(11, 32), *range(127, 160)), "?")  # all but tab and line feed
_HOLD_GIL = ("py_loop", "cy_gil", "nb_gil")  # what these names mean, in every kernel


def kernels(document: Document) -> list[str]:
    """Return the kernels that have cases, in their order."""
    return list(dict.fromkeys(row["kernel"] for row in document["cases"]))


def of_kernel(document: Document, kernel: str) -> list[Row]:
    """Return the rows of a kernel in the order of the table.

    A serial case exists once per number of chunks, as T(1) of so many workers; of those that went well, which differ
    only in that, the one with the fewest chunks stands for all.
    """
    rows = sorted((row for row in document["cases"] if row["kernel"] == kernel), key=order)
    serial: set[tuple[str, str, str]] = set()
    kept = []
    for row in rows:
        key = (row["implementation"], row["size"], row["interpreter"])
        if row["executor"] == "serial" and row["status"] == "ok":
            if key in serial:
                continue
            serial.add(key)
        kept.append(row)
    return kept


def measured(rows: Iterable[Row]) -> list[Row]:
    """Return the rows that have a rate."""
    return [row for row in rows if row["status"] in ("ok", "too_noisy") and row.get("rate")]


def order(row: Row) -> tuple[Any, ...]:
    """Sort by implementation, executor, start method, transport, workers; words of the registry in its order."""
    return (
        _place(row["implementation"], IMPLEMENTATIONS),
        _place(row["executor"], EXECUTORS),
        executor_label(row),
        row["workers"],
        row["size"],
        row["chunks_per_worker"],
    )


def _place(word: str, known: Sequence[str]) -> tuple[int, str]:
    return (known.index(word) if word in known else len(known), word)


def executor_label(row: Row) -> str:
    """Return the executor with start method, transport, scaling and schedule where they are not the default."""
    parts = [row["executor"]]
    if row.get("start_method") not in (None, "", DEFAULT_START_METHOD):
        parts.append(row["start_method"])
    if row.get("transport") not in (None, "", DEFAULT_TRANSPORT):
        parts.append(row["transport"])
    parts += [row[name] for name in ("scaling", "schedule") if row.get(name)]
    return ".".join(parts)


def label(row: Row) -> str:
    """Name a row within its kernel: ``cy_nogil@threads``."""
    return f"{row['implementation']}@{executor_label(row)}"


def mark(row: Row) -> str:
    """Say under which interpreter a row was measured, if several could be meant: `` on 3.13t``."""
    return f" on {row['interpreter']}" if "!" in row["case"] else ""


def named(row: Row) -> str:
    """Name a parallel row within its kernel: ``cy_nogil@threads*2 on 3.13t``."""
    return f"{label(row)}*{row['workers']}{mark(row)}"


def is_single(row: Row) -> bool:
    """Whether a row is what one thread does without an executor: ``serial``, or one thread of its own."""
    return bool(row["executor"] == "serial" or (row["executor"] == "native" and row["workers"] == 1))


def of_study(document: Document, kernel: str) -> Mapping[str, Any]:
    """Return what is known about the measurement of a kernel as a whole; empty when none of it was measured."""
    return next((entry for entry in document["kernels"] if entry["kernel"] == kernel), {})


def fastest_serial(document: Document, kernel: str) -> Row | None:
    """Return the single-threaded row with the highest rate."""
    case = of_study(document, kernel).get("fastest_serial")
    return next((row for row in document["cases"] if row["case"] == case), None)


def holds_gil(row: Row) -> bool:
    """Whether the implementation computes while it holds the GIL."""
    return row["implementation"] in _HOLD_GIL


def gil_enabled(row: Row) -> bool:
    """Whether the row was measured with a GIL."""
    return row["gil"].get("enabled") is not False


def controls(document: Document, kernel: str, role: str) -> list[Row]:
    """Return the rows of a control that shared blocks with ``kernel``, by worker count."""
    return sorted(
        (row for row in document["controls"] if (row["kernel"], row["of"]) == (role, kernel)),
        key=lambda row: row["workers"],
    )


def usable_cpus(document: Document) -> int | None:
    """Return how many CPUs the measurement could use, or None where the result does not tell."""
    count = (document.get("environment") or {}).get("cpus", {}).get("count")
    return int(count) if count else None


def confidence(rows: Iterable[Row]) -> float | None:
    """Return the lowest confidence among the intervals; None where there is none."""
    known = [row["speedup"] or row["rate"] for row in measured(rows)]
    return min((estimate["confidence"] for estimate in known), default=None)


def printable(value: Any) -> Any:
    """Return the document without control characters: a file from elsewhere must not command the terminal."""
    if isinstance(value, str):
        return value.translate(_CONTROL)
    if isinstance(value, Mapping):
        return {printable(key): printable(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [printable(item) for item in value]
    return value
