"""The answer as one matrix: ways to run down, kernels or functions across; and what decides about each case."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from gilscope.analysis.answer import Answer
from gilscope.analysis.findings import Finding
from gilscope.analysis.rows import MEASURED, CaseRow

OPEN = "open"
"""Outcome of a case about which nothing is certain."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Matrix:
    """Cases side by side, those with most workers that the CPUs allow; the rest is only in the full tables.

    ``rows`` has one mapping per way to run, of column to the case's row; columns are kernels, or the user's functions.
    """

    columns: tuple[str, ...]
    workers: tuple[int, ...]  # counts that are compared, the lowest first: usually one
    rows: tuple[Mapping[str, CaseRow], ...]
    left_out: int  # measured cases on several workers that have no cell


def matrix_of(answer: Answer) -> Matrix:
    """Arrange an answer; time linear in its rows."""
    rows: dict[tuple[str, ...], dict[str, CaseRow]] = {}
    columns: dict[str, None] = {}
    counts: set[int] = set()
    left_out = 0
    for column, row, compared in _cases(answer):
        if not compared:
            left_out += 1
            continue
        columns[column] = None
        counts.add(row.case.workers)
        rows.setdefault(_way(row), {})[column] = row
    return Matrix(columns=tuple(columns), workers=tuple(sorted(counts)), rows=tuple(rows.values()), left_out=left_out)


def _cases(answer: Answer) -> Iterator[tuple[str, CaseRow, bool]]:
    """Yield the cases on several workers with their columns, and whether they have most workers of their kernel."""
    for kernel, found in answer.by_kernel.items():
        several = [row for row in found if not row.case.is_single and row.status != "unavailable"]
        fitting = [row.case.workers for row in several if not row.over_subscribed]
        most = max(fitting or (row.case.workers for row in several), default=0)
        for row in several:
            yield row.case.implementation if answer.is_own else kernel, row, row.case.workers == most


def _way(row: CaseRow) -> tuple[str, ...]:
    written = () if row.case.is_own else (row.case.implementation,)
    return (*written, row.case.how, row.case.interpreter)


def outcome(row: CaseRow) -> str:
    """Return what decides about a case: its status, ``open``, or the code of a finding.

    Calls that differ make every other finding doubtful; what scales is not held back by what it also loses; else the
    largest loss decides.
    """
    if row.status not in MEASURED:
        return row.status
    for code in ("not_repeatable", "scales"):
        if code in row.codes:
            return code
    return row.codes[0] if row.codes and row.codes[0] != "too_noisy" else OPEN


def reasons(rows: Sequence[CaseRow]) -> dict[str, list[tuple[CaseRow, Finding]]]:
    """Sort cases by the finding that decides about them, each list the largest loss first."""
    found: dict[str, list[tuple[CaseRow, Finding]]] = {}
    for row in rows:
        decides = next((one for one in row.findings if one.code == outcome(row)), None)
        if decides is not None:
            found.setdefault(decides.code, []).append((row, decides))
    return {code: sorted(pairs, key=lambda pair: -pair[1].share) for code, pairs in found.items()}
