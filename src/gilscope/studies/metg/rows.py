"""The types of ``gilscope metg``: plans, samples, rows."""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

from gilscope.stats import Estimate
from gilscope.studies.codec import Positive, Seconds
from gilscope.studies.document import Envelope, StudyRow
from gilscope.studies.metg.ways import PATTERNS, Contender, Dispatch, MetgRequest, Pattern
from gilscope.studies.record import StudyLog

MAX_OCTAVE = 63  # 2**63 steps take centuries

Range: TypeAlias = tuple[Seconds, ...]
"""Best guess, least and most of a quantity (see ``analysis.net``)."""

Basis: TypeAlias = Literal["", "as timed", "net of other programs"]
"""What a row goes by; empty in files of earlier versions, which knew lengths as timed only."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Length:
    """Seconds as timed, and without what other programs took; None where that is not known."""

    wall: float
    net: Range | None = None

    @property
    def best(self) -> float:
        """Net where that is known."""
        return self.wall if self.net is None else self.net[0]

    def over(self, other: Length | float) -> Length:
        """Divide by another length, or by a number."""
        if not isinstance(other, Length):
            other = Length(wall=other, net=(other,) * 3)
        if self.net is None or other.net is None:
            return Length(wall=self.wall / other.wall)
        (value, low, high), (by, least, most) = self.net, other.net
        return Length(wall=self.wall / other.wall, net=(value / by, low / most, high / least))


def median_length(found: Sequence[Length]) -> Length:
    """Return the median, of each bound on its own."""
    nets = [one.net for one in found if one.net is not None]
    net = tuple(statistics.median(column) for column in zip(*nets, strict=True)) if len(nets) == len(found) else None
    return Length(wall=statistics.median(one.wall for one in found), net=net)


@dataclass(frozen=True, slots=True, kw_only=True)
class PointPlan:
    """How tasks of one size are measured: executions per round, and how long a round takes, in seconds."""

    repeats: Positive
    round_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class MetgPlan:
    """Where the curve of a cell was placed."""

    octaves: tuple[int, ...]  # task sizes of the next block: 2**octave steps of the probe
    empty: PointPlan  # for tasks without work
    points: Mapping[int, PointPlan] = field(default_factory=dict)  # by octave

    def __post_init__(self) -> None:
        if not all(octave in self.points and 0 <= octave < MAX_OCTAVE for octave in self.octaves):
            raise ValueError("an octave is out of range")


@dataclass(frozen=True, slots=True, kw_only=True)
class NetSample:
    """What a sample has in common with `MetgSample`, without what other programs took."""

    step_s: Range
    machine: Range
    granularity_s: Mapping[int, Range]

    def __post_init__(self) -> None:
        if not all(len(found) == 3 for found in (self.step_s, self.machine, *self.granularity_s.values())):
            raise ValueError("a range has three numbers")


@dataclass(frozen=True, slots=True, kw_only=True)
class MetgSample:
    """A curve in one block."""

    empty_s: float | None  # workers x wall per task without work; None where that was left out
    step_s: Seconds  # of a step of the probe in a serial loop
    machine: Seconds  # efficiency of so many workers with long tasks; 1 for a single worker and where it is unknown
    granularity_s: Mapping[int, Seconds]  # workers x wall per task, by octave
    net: NetSample | None = None  # None where a round does not tell

    def __post_init__(self) -> None:
        if not all(0 <= octave < MAX_OCTAVE for octave in self.granularity_s):
            raise ValueError("an octave is out of range")
        if self.net is not None and self.net.granularity_s.keys() != self.granularity_s.keys():
            raise ValueError("net task sizes are others than those as timed")

    @property
    def timed(self) -> NetSample:
        """The lengths as timed, as if they were net."""
        every = {octave: (each_s,) * 3 for octave, each_s in self.granularity_s.items()}
        return NetSample(step_s=(self.step_s,) * 3, machine=(self.machine,) * 3, granularity_s=every)


@dataclass(frozen=True, slots=True, kw_only=True)
class CurvePoint:
    """Tasks of one size: their own time, the time of the machine they take, and the ratio of the two."""

    steps: Positive
    task_s: Estimate | None
    granularity_s: Estimate | None
    efficiency: Estimate | None


@dataclass(frozen=True, slots=True, kw_only=True)
class MetgRow(StudyRow):
    """How small tasks may be under one way to have them done, in one pattern."""

    implementation: str
    interpreter: str = ""
    workers: Positive
    dispatch: Dispatch
    pattern: Pattern
    tasks_per_worker: Positive
    basis: Basis = ""
    metg_s: Estimate | None
    task_s: Estimate | None
    relative_metg_s: Estimate | None
    empty_task_s: Estimate | None
    curve: tuple[CurvePoint, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class MetgDocument(Envelope):
    """What ``gilscope metg`` found."""

    study: Literal["metg"] = "metg"
    asked: MetgRequest
    rows: tuple[MetgRow, ...]


MetgLog: TypeAlias = StudyLog[MetgRequest, MetgRow, MetgPlan, MetgSample]

_SHARED = ("label", "executor", "start_method", "implementation", "interpreter", "workers", "dispatch")


def row_of(way: Contender, pattern: Pattern) -> MetgRow:
    """Return the row of a way in a pattern before anything is measured."""
    shared: dict[str, Any] = {name: getattr(way, name) for name in _SHARED}
    return MetgRow(
        **shared,
        pattern=pattern,
        tasks_per_worker=PATTERNS[pattern],
        basis="as timed",
        status="ok" if way.available.ok else "unavailable",
        reason=way.available.reason,
        cure=way.available.cure,
        metg_s=None,
        task_s=None,
        relative_metg_s=None,
        empty_task_s=None,
        curve=(),
    )


def batches_of(rows: Sequence[MetgRow], task_s: float) -> dict[str, tuple[int, int | None]]:
    """Return how many tasks of ``task_s`` seconds must go together so that half of the time is work.

    Of each way the pattern its users have is taken: a bag where tasks are submitted (they come one by one) or looped
    over, steps where they are dealt (a batch is what is dealt). The result has by label (tasks, tasks at the upper
    end of the interval or None).
    """
    found = {}
    for row in rows:
        wanted = "bag" if row.dispatch in ("submit", "loop") else "steps"
        if row.pattern == wanted and row.task_s is not None:
            most = max(1, math.ceil(row.task_s.high / task_s)) if math.isfinite(row.task_s.high) else None
            found[row.label] = (max(1, math.ceil(row.task_s.value / task_s)), most)
    return found
