"""How a whole program used the GIL, and what that means: one code, from the numbers alone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any, Literal, TypeAlias

from gilscope.analysis.findings._gil import SATURATED, in_c
from gilscope.core import typed
from gilscope.telemetry.reading import GilReading, GilReport

GIL_SCHEMA, GIL_SCHEMA_VERSION = "gilscope.gil", 1

GilCode: TypeAlias = Literal["gil_bound", "gil_held_in_c", "one_thread", "partly_held", "released", "idle", "no_gil",
                             "unavailable", "cannot_tell"]  # fmt: skip

Caution: TypeAlias = Literal["", "crowded", "not_running", "little_load"]

WAITS = 0.1
"""Mean number of waiting threads from which the GIL costs something worth mentioning: a tenth of a thread."""

IDLE = 0.1
"""Share of one CPU, and of the time with the GIL held, below which a process hardly computes."""

ROOM = 0.5
"""Held share below which the GIL leaves room for at least twice the work."""

WIDE = 0.2
"""Width of the interval of the held share from which the program was too short to be judged by it."""

_LEFT_OUT = GilReport(available=False)  # converted apart: asdict would copy all stacks

WITHOUT_CPU = 0.2
"""Share of the held time without a CPU from which the numbers are not those of the program alone."""

LITTLE = 0.5
"""CPUs busy below which a program mostly waits for something else: under load its numbers are others."""

CROWDED = 0.5
"""``GilReading.busy`` from which a holder may have been without a CPU because other programs had it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GilVerdict:
    """The meaning of the numbers: a code, a sentence, and the fix, empty where there is nothing to fix."""

    code: str  # a ``GilCode``, or that of another version in a stored report
    sentence: str
    cure: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ProcessReport:
    """A child process of a program, which has a GIL of its own."""

    pid: int
    command: str
    wall_s: float  # for how long it was watched
    cpu_s: float  # CPU seconds meanwhile
    gil: GilReport
    verdict: GilVerdict

    @classmethod
    def of(cls, document: Mapping[str, Any]) -> ProcessReport:
        """Read a stored report; ValueError where it is incomplete."""
        return replace(typed.read(cls, document), gil=GilReport.of(document["gil"]))

    def to_json(self) -> dict[str, Any]:
        """Return an entry of ``children``."""
        return {**asdict(replace(self, gil=_LEFT_OUT)), "gil": self.gil.to_dict()}


@dataclass(frozen=True, slots=True, kw_only=True)
class ProgramReport:
    """How a whole program used the GIL."""

    tool_version: str
    interpreter: str
    target: str  # path of the script, or ``-m module``; of a running process its command
    arguments: tuple[str, ...]
    exit_status: int | None  # None of a process that was running already
    wall_s: float  # from its start to its end, or for how long it was watched
    gil: GilReport
    cpu_s: float  # CPU seconds of the process
    children_cpu_s: float  # those of its ended child processes
    verdict: GilVerdict
    note: str = ""  # what could not be done as Python itself would
    pid: int | None = None  # of a process that was running already
    children: tuple[ProcessReport, ...] = ()  # with --children: the child processes that are Python

    @classmethod
    def of(cls, document: Mapping[str, Any]) -> ProgramReport:
        """Read a stored report; ValueError where it is incomplete."""
        children = tuple(map(ProcessReport.of, document.get("children", ())))
        return replace(typed.read(cls, document), gil=GilReport.of(document["gil"]), children=children)

    def to_json(self) -> dict[str, Any]:
        """Return the document of ``gilscope gil --json``."""
        facts = asdict(replace(self, gil=_LEFT_OUT, children=()))
        optional = {"note": self.note, "pid": self.pid, "children": [child.to_json() for child in self.children]}
        return {
            "schema": GIL_SCHEMA,
            "schema_version": GIL_SCHEMA_VERSION,
            **{name: value for name, value in facts.items() if name not in optional},
            "gil": self.gil.to_dict(),
            **{name: value for name, value in optional.items() if value},
        }


def gil_code(gil: GilReport, *, cpus_busy: float) -> GilCode:
    """Judge the numbers of a program; ``cpus_busy`` is the CPU time of the process over its wall time.

    What is in use a share h of the time fits at most 1/h times into it: the utilisation law (Lazowska et al.,
    Quantitative System Performance, 1984, section 3.3) bounds what further threads can gain under the same GIL.
    """
    reading = gil.reading
    if reading is None:
        return "unavailable" if gil.enabled else "no_gil"
    held = reading.held
    if _threads_wait(reading):
        return "gil_held_in_c" if held_in_c(reading, cpus_busy) else "gil_bound"
    if held.high - held.low > WIDE:
        return "cannot_tell"
    if held.high < IDLE and cpus_busy < IDLE:
        return "idle"
    if held.low >= SATURATED:
        return "one_thread"
    return "released" if held.high < ROOM else "partly_held"


def _threads_wait(reading: GilReading) -> bool:
    """Whether threads certainly wait; where that is not measured, whether several share a GIL in use all the time."""
    if reading.waiting is not None:
        return reading.waiting.low >= WAITS
    several = sum(thread.held.low >= WAITS for thread in reading.threads) > 1
    return several and reading.held.low >= SATURATED


def held_in_c(reading: GilReading, cpus_busy: float) -> bool | None:
    """Whether the holder did not answer requests, as C code does; None where that is open.

    A holder that other programs kept off the CPU could not answer.
    """
    crowded = reading.busy >= CROWDED
    return in_c(reading.holds.overdue, starved=without_cpu(reading, cpus_busy) if crowded else 0.0)


def without_cpu(reading: GilReading, cpus_busy: float) -> float:
    """Return the share of the held time, at least, in which the holder did not run."""
    held = reading.held.value
    return max(0.0, 1.0 - cpus_busy / held) if held else 0.0


def caution(reading: GilReading, *, cpus_busy: float) -> Caution:
    """Say what else than the program decided about its numbers; empty where nothing is known of it."""
    if reading.held.low >= IDLE and without_cpu(reading, cpus_busy) >= WITHOUT_CPU:
        return "crowded" if reading.busy >= CROWDED else "not_running"
    return "little_load" if cpus_busy < LITTLE else ""
