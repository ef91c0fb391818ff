"""Questions to an analysis document that tables and sentences share. Nothing is estimated here."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TypeAlias

from gilscope.registry import EXECUTORS, IMPLEMENTATIONS
from gilscope.report.figures import Estimate, half_width
from gilscope.spec import DEFAULT_CHUNKS_PER_WORKER, DEFAULT_START_METHOD, DEFAULT_TRANSPORT, Case

__all__ = [
    "Document",
    "Row",
    "confidence",
    "controls",
    "executor_label",
    "fastest_serial",
    "gil_enabled",
    "has_own_interval",
    "holds_gil",
    "is_single",
    "kernels",
    "label",
    "measured",
    "of_kernel",
    "order",
    "over_subscribed",
    "usable_cpus",
    "widest",
]

Document: TypeAlias = Mapping[str, Any]
Row: TypeAlias = Mapping[str, Any]

NOISE_FLOOR = "A/A"
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
    serial: set[tuple[str, str]] = set()
    kept = []
    for row in rows:
        key = (row["implementation"], row["size"])
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
        chunks_of(row),
    )


def _place(word: str, known: Sequence[str]) -> tuple[int, str]:
    return (known.index(word) if word in known else len(known), word)


def executor_label(row: Row) -> str:
    """Return the executor with start method and transport where they are not the default."""
    parts = [row["executor"]]
    if row.get("start_method") not in (None, "", DEFAULT_START_METHOD):
        parts.append(row["start_method"])
    if row.get("transport") not in (None, "", DEFAULT_TRANSPORT):
        parts.append(row["transport"])
    return ".".join(parts)


def label(row: Row) -> str:
    """Name a row within its kernel: ``cy_nogil@threads``."""
    return f"{row['implementation']}@{executor_label(row)}"


def chunks_of(row: Row) -> int:
    """Return the chunks per worker of a row."""
    if "chunks_per_worker" in row:
        return int(row["chunks_per_worker"])
    return Case.parse(row["case"]).chunks_per_worker if "~c" in row["case"] else DEFAULT_CHUNKS_PER_WORKER


def is_single(row: Row) -> bool:
    """Whether a row is what one thread does without an executor: ``serial``, or one thread of its own."""
    return bool(row["executor"] == "serial" or (row["executor"] == "native" and row["workers"] == 1))


def fastest_serial(rows: Iterable[Row]) -> Row | None:
    """Return the single-threaded row with the highest rate."""
    single = [row for row in measured(rows) if is_single(row)]
    return max(single, key=lambda row: row["rate"]["value"], default=None)


def holds_gil(row: Row) -> bool:
    """Whether the implementation computes while it holds the GIL."""
    return row["implementation"] in _HOLD_GIL


def gil_enabled(document: Document, row: Row) -> bool:
    """Whether the row was measured with a GIL."""
    known = (row.get("gil") or {}).get("enabled")
    if known is None:
        known = (document.get("environment") or {}).get("interpreter", {}).get("gil_enabled")
    return known is not False


def controls(document: Document, kernel: str, role: str) -> list[Row]:
    """Return the rows of a control that shared blocks with ``kernel``, by worker count."""
    return sorted(
        (row for row in document.get("controls", ()) if row["kernel"] == role and row.get("of", kernel) == kernel),
        key=lambda row: row["workers"],
    )


def usable_cpus(document: Document) -> int | None:
    """Return how many CPUs the measurement could use, or None where the result does not tell."""
    count = (document.get("environment") or {}).get("cpus", {}).get("count")
    return int(count) if count else None


def over_subscribed(document: Document, row: Row) -> bool:
    """Whether a row has more workers than usable CPUs."""
    usable = usable_cpus(document)
    return usable is not None and row["workers"] > usable


def has_own_interval(estimate: Estimate | None) -> bool:
    """Whether an estimate has an interval that says anything."""
    return half_width(estimate) is not None


def widest(rows: Iterable[Row]) -> float | None:
    """Return the widest relative half-width of the speed-ups; None where there is none."""
    widths = [half_width(row.get("speedup")) for row in measured(rows) if not is_single(row)]
    return max((width for width in widths if width is not None), default=None)


def confidence(rows: Iterable[Row]) -> float | None:
    """Return the lowest confidence among the speed-ups; None where no row tells."""
    told = [row["speedup"].get("confidence") for row in measured(rows) if row.get("speedup")]
    return min((value for value in told if value is not None), default=None)
