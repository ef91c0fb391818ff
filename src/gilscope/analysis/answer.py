"""Everything a result says, as one typed object: what `analyse` returns and every table, page, gate and document shows.

Estimates come from `build`, decisions from `verdict`, sentences from `report.sentences`, JSON from `to_json`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

from gilscope.analysis.columns import grouped
from gilscope.analysis.findings import Finding, Severity
from gilscope.analysis.interpreters import Price
from gilscope.analysis.rows import CaseRow, ControlRow, Role, table_order
from gilscope.core.cases import Case
from gilscope.core.errors import UsageError
from gilscope.core.typed import read
from gilscope.results.surroundings import Surroundings

if TYPE_CHECKING:
    from gilscope.analysis.verdict import KernelVerdict


@dataclass(frozen=True, slots=True, kw_only=True)
class StudyOptions:
    """Options of the study, as far as they decide how a result is shown."""

    functions: tuple[str, ...] = ()  # targets of the user's functions, if it is about these
    interpreters: tuple[str, ...] = ()  # labels of those that were compared
    precision: float | None = None  # relative half-width at which to stop
    budget_s: float | None = None
    seed: int | None = None
    pin: str = "none"


@dataclass(frozen=True, slots=True, kw_only=True)
class KernelRow:
    """How precise a kernel became, against what was asked."""

    kernel: str
    blocks: int
    precision_reached: float | None  # widest relative half-width of the intervals it is judged by
    target: float | None
    target_met: bool
    fastest_serial: Case | None  # the case on one thread with the highest rate
    in_rounds_s: float  # seconds inside timed rounds


@dataclass(frozen=True, slots=True, kw_only=True)
class FindingGroup:
    """One finding with all cases it concerns."""

    code: str
    severity: Severity  # of the worst case
    cure: str
    found: tuple[tuple[CaseRow, Finding], ...]  # in the order of the file

    def within(self, kernel: str) -> list[tuple[CaseRow, Finding]]:
        """Return the pairs of one kernel."""
        return [pair for pair in self.found if pair[0].case.kernel == kernel]


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What a result says.

    Parameters
    ----------
    result : str
        Path of the result file.
    study, environment : mapping
        What was asked, and where, as the file has it.
    rows : tuple of CaseRow
        In the order of the file.
    kernels : tuple of KernelRow
        Of what was measured.
    findings : tuple of FindingGroup
        The most severe and costly first.
    verdicts : tuple of KernelVerdict
        One per kernel that has rows.
    not_analysed : mapping of str to str
        What this result cannot say, and why.
    interrupted : bool or None
        Whether Ctrl-C ended the measurement; None where the result was read from a file.
    """

    result: str
    tool_version: str = ""
    study: Mapping[str, Any] = field(default_factory=dict)
    environment: Mapping[str, Any] = field(default_factory=dict)
    rows: tuple[CaseRow, ...] = ()
    controls: tuple[ControlRow, ...] = ()
    kernels: tuple[KernelRow, ...] = ()
    prices: tuple[Price, ...] = ()
    findings: tuple[FindingGroup, ...] = ()
    verdicts: tuple[KernelVerdict, ...] = ()
    not_analysed: Mapping[str, str] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()
    interrupted: bool | None = None

    @cached_property
    def options(self) -> StudyOptions:
        """Options of the study, typed."""
        return read(StudyOptions, self.study)

    @cached_property
    def surroundings(self) -> Surroundings:
        """Where it was measured, typed."""
        return Surroundings.of(self.environment)

    @property
    def is_own(self) -> bool:
        """Whether it is about the user's own functions."""
        return bool(self.options.functions)

    @cached_property
    def by_kernel(self) -> Mapping[str, tuple[CaseRow, ...]]:
        """Rows by kernel, each in the order of its table."""
        found = grouped(self.rows, lambda row: row.case.kernel)
        return {kernel: tuple(table_order(rows)) for kernel, rows in found.items()}

    @cached_property
    def row_of(self) -> Mapping[str, CaseRow]:
        """Rows by the id of their case."""
        return {row.case.id: row for row in self.rows}

    @cached_property
    def numbers(self) -> Mapping[str, int]:
        """Numbers of the rows, from 1, in the order of the tables, by the id of their case."""
        shown = (row for rows in self.by_kernel.values() for row in rows if row.status != "unavailable")
        return {row.case.id: number for number, row in enumerate(shown, 1)}

    def numbered(self, text: str) -> str | None:
        """Return the id of the case with a number, as ``12``, ``#12`` or a row with it that was copied from a table.

        None where the text has no number. Raises UsageError if no row has that number.
        """
        words = text.split()
        numbers = [word[1:] for word in words if word.startswith("#")]
        if not numbers and (len(words) == 1 or {row.case.implementation for row in self.rows} & set(words[1:2])):
            numbers = words[:1]
        number = numbers[-1] if numbers else ""
        if not number.isdecimal():
            return None
        found = next((case for case, own in self.numbers.items() if own == int(number)), None)
        if found is None:
            raise UsageError(f"no case number {number} in {self.result}: they go from 1 to {len(self.numbers)}")
        return found

    @cached_property
    def _controls_of(self) -> Mapping[tuple[str, Role], list[ControlRow]]:
        return grouped(sorted(self.controls, key=lambda row: row.case.workers), lambda row: (row.of, row.role))

    @cached_property
    def _verdict(self) -> Mapping[str, KernelVerdict]:
        return {verdict.kernel: verdict for verdict in self.verdicts}

    def controls_of(self, kernel: str, role: Role) -> Sequence[ControlRow]:
        """Return the rows of a control that shared blocks with ``kernel``, by worker count."""
        return self._controls_of.get((kernel, role), [])

    def kernel(self, kernel: str) -> KernelRow | None:
        """Return what is known about the measurement of a kernel as a whole; None where none of it was measured."""
        return next((row for row in self.kernels if row.kernel == kernel), None)

    def verdict(self, kernel: str) -> KernelVerdict:
        """Return what was decided about a kernel."""
        return self._verdict[kernel]

    def fastest_serial(self, kernel: str) -> CaseRow | None:
        """Return the row on one thread with the highest rate."""
        entry = self.kernel(kernel)
        return self.row_of.get(entry.fastest_serial.id) if entry is not None and entry.fastest_serial else None
