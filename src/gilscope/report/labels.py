"""What rows are called: in tables, sentences, charts and pages alike."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import NamedTuple

from gilscope.analysis.matrix import OPEN
from gilscope.analysis.rows import CaseRow, MeasuredRow

_MEMORY = {
    "": "",
    "kept": " that keep their memory",
    "onearena": " that keep their memory in one arena",
    "smallpages": " on small pages",
}
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


IMPLEMENTATION_NAMES = {
    "py_loop": "Python",
    "np_vec": "NumPy",
    "np_blas": "NumPy's BLAS",
    "std_c": "standard library",
    "cy_gil": "Cython with GIL",
    "cy_nogil": "Cython nogil",
    "cy_prange": "Cython prange",
    "nb_gil": "Numba with GIL",
    "nb_nogil": "Numba nogil",
    "nb_prange": "Numba prange",
}


def in_words(row: CaseRow) -> str:
    """Name a row within its kernel: ``Python by processes``, ``Cython nogil`` (by threads); of functions the way."""
    if row.case.is_own:
        return way(row)
    executor, *how = row.case.how.split(".")
    more = f" ({', '.join(how)})" if how else ""
    usual = executor == "native" or (executor == "threads" and row.case.implementation != "py_loop")
    by = "" if usual else f" by {executor}"
    return f"{IMPLEMENTATION_NAMES.get(row.case.implementation, row.case.implementation)}{by}{more}{mark(row)}"


class Mark(NamedTuple):
    """How the outcome of a case is marked."""

    letter: str
    meaning: str


_GIL, _MACHINE = Mark("G", "held back by the GIL"), Mark("H", "by the machine: its CPUs, clocks or host")
_LOCK = Mark("L", "by a lock")
MARKS: Mapping[str, Mark] = {
    "scales": Mark("+", "scales"),
    "scales_partly": Mark("~", "partly"),
    OPEN: Mark("?", "undecided"),
    "gil_bound": _GIL,
    "gil_held_in_c": _GIL,
    "gil_re_enabled": _GIL,
    "memory_bound": Mark("M", "by memory bandwidth or caches"),
    "contention": Mark("C", "by data or an allocator that workers share"),
    "inflation": Mark("I", "by CPU time that grows"),
    "page_faults": Mark("F", "by page faults"),
    "lock_bound": _LOCK,
    "gil_or_lock": _LOCK,
    "imbalance": Mark("B", "by uneven work"),
    "dispatch_bound": Mark("D", "by handing out the work"),
    "nested_parallelism": Mark("N", "by the libraries' own threads"),
    "over_subscribed": _MACHINE,
    "quota_limited": _MACHINE,
    "smt_limited": _MACHINE,
    "stolen": _MACHINE,
    "superlinear": Mark("X", "more than the workers can give: T(1) is slow"),
    "not_repeatable": Mark("R", "calls that are not the same work"),
    "too_short": Mark("S", "calls too short to hand out"),
    "failed": Mark("!", "failed"),
    "timeout": Mark("!", "failed"),
    "wrong_result": Mark("!", "failed"),
    "unavailable": Mark("-", "not available here"),
}
"""How each outcome (``matrix.outcome``) is marked, in the order of a legend."""
