"""Making a round of what workers report: stamps, sums, the parent's own part."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypedDict

from gilscope.core import clocks
from gilscope.core.cases import Case
from gilscope.core.records import Stamp
from gilscope.core.spec import Buffers, KernelSpec, Params, Slice, chunk_bounds
from gilscope.core.targets import Layout, shifted
from gilscope.core.units import sum_known
from gilscope.executors._shm import Segment
from gilscope.executors._worker import Job, Used, WorkerReport

Chunk = tuple[int, int, int]
"""Number of a chunk, first item, one past the last."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """A case made concrete: its kernel, the implementation's target and the memory of its buffers.

    ``segment`` holds ``case.copies`` copies of the buffers, one after the other; ``layout`` is that of one of them, and
    ``others`` has the buffers of all but the first. Workers are bound to ``places``, as ``env.pinning`` has them, or
    begin each round on one of ``starts``, and are free from then on.
    """

    case: Case
    spec: KernelSpec
    params: Params
    target: str
    definition: Mapping[str, str] | None = None
    layout: Layout
    segment: Segment
    segment_key: str
    buffers: Buffers
    others: tuple[Buffers, ...] = ()
    places: Sequence[Mapping[str, Any]] = ()
    starts: Sequence[int] = ()

    @property
    def placed(self) -> list[Mapping[str, Any]]:
        """Where each worker of the case runs; more workers than CPUs start over. Empty if unbound."""
        return [self.places[index % len(self.places)] for index in range(self.case.workers)] if self.places else []

    @property
    def copies(self) -> tuple[Task, ...]:
        """The task on each copy of its buffers, with the layout of that copy within the segment."""
        every = (self.buffers, *self.others)
        return tuple(
            replace(self, buffers=buffers, others=(), layout=shifted(self.layout, copy, len(every)))
            for copy, buffers in enumerate(every)
        )


def combine(task: Task, reports: Iterable[WorkerReport], repeats: int) -> tuple[Any, int]:
    """Combine the last repeat's partials in chunk order, once per repeat; return (result, ns)."""
    entries = sorted((entry for report in reports for entry in report.partials), key=lambda entry: entry[:2])
    partials = [partial for _, _, partial in entries]
    before = clocks.wall_ns()
    result = None
    for _ in range(repeats):
        result = task.spec.combine(task.params, partials)
    return result, clocks.wall_ns() - before


def combine_each(task: Task, reports: Sequence[Sequence[WorkerReport]], repeats: int) -> tuple[list[Any], int]:
    """Combine the partials of every copy of the work; return (results, ns).

    Every worker would combine its own at the same time, so only the first copy's time counts.
    """
    result, spent_ns = combine(task, reports[0], repeats)
    return [result, *(combine(task, own, 1)[0] for own in reports[1:])], spent_ns


def touched(task: Task, phases: int, chunks: Iterable[Chunk]) -> tuple[Slice, ...]:
    """Return the slices that some chunks read or write in any phase, each once."""
    spec, params, chunks = task.spec, task.params, tuple(chunks)
    return tuple(
        dict.fromkeys(
            part
            for phase in range(phases)
            for _, lo, hi in chunks
            for part in (*spec.reads(params, phase, lo, hi), *spec.writes(params, phase, lo, hi))
        )
    )


def pack(
    task: Task, phase: int, chunk: Chunk, there: frozenset[str] = frozenset()
) -> tuple[Chunk, list[Any], list[Any]]:
    """Return a chunk with the data it reads, but for buffers that are ``there`` already, and the slices it writes."""
    spec, params, (_, lo, hi) = task.spec, task.params, chunk
    reads = [
        (name, first, bytes(task.buffers[name][first:last]))
        for name, first, last in spec.reads(params, phase, lo, hi)
        if name not in there
    ]
    return chunk, reads, list(spec.writes(params, phase, lo, hi))


def store(task: Task, written: Iterable[tuple[str, int, bytes]]) -> None:
    """Copy what a worker wrote into the task's buffers."""
    for name, first, data in written:
        view = task.buffers[name]
        items = memoryview(data).cast(view.format)  # type: ignore[call-overload]
        view[first : first + len(items)] = items


def job_of(task: Task, *, chunks: int = 1, private: bool = False) -> Job:
    """Describe a case for a single worker, in so many chunks."""
    return Job(
        target=task.target,
        definition=task.definition,
        params=dict(task.params),
        layout=task.layout,
        segment=task.segment_key,
        phases=task.spec.phases(task.params),
        chunks=tuple((n, lo, hi) for n, (lo, hi) in enumerate(chunk_bounds(task.spec.extent(task.params), chunks))),
        index=0,
        parties=1,
        barrier_slot=0,
        spin_ns=0,
        private=private,
    )


def stamp(report: WorkerReport, submit_ns: int, received_ns: int) -> Stamp:
    return Stamp(
        submit_ns=submit_ns,
        start_ns=report.start_ns,
        end_ns=report.end_ns,
        waiting_ns=report.waiting_ns,
        waking_ns=report.waking_ns,
        cpu_ns=report.cpu_ns,
        run_queue_ns=report.run_queue_ns,
        received_ns=received_ns,
        gathering_ns=report.gathering_ns,
        cpu=report.cpu,
    )


def merge(reports: Sequence[WorkerReport], waiting_ns: int) -> WorkerReport:
    """Sum one worker's reports over the phases of a round; the gaps between them are dispatch."""
    busy_ns = sum(report.end_ns - report.start_ns for report in reports)
    span_ns = reports[-1].end_ns - reports[0].start_ns
    return WorkerReport(
        start_ns=reports[0].start_ns,
        end_ns=reports[-1].end_ns,
        waiting_ns=waiting_ns,
        waking_ns=max(0, span_ns - busy_ns - waiting_ns),
        cpu_ns=sum(report.cpu_ns for report in reports),
        run_queue_ns=sum_known(report.run_queue_ns for report in reports),
        partials=(),
        cpu=reports[-1].cpu,
        **used(reports),
    )


def used(reports: Sequence[WorkerReport]) -> Used:
    """Sum what workers used over their reports."""
    return {
        "stolen_ns": sum_known(report.stolen_ns for report in reports),
        "minor_faults": sum_known(report.minor_faults for report in reports),
        "switches": sum_known(report.switches for report in reports),
        "system_ns": sum_known(report.system_ns for report in reports),
    }


def net_of(reports: Sequence[WorkerReport], combine_ns: int) -> int | None:
    """Return the net length of a round of workers that meet at barriers: the latest virtual clock at the end."""
    known = [report.net_ns for report in reports if report.net_ns is not None]
    return max(known) + combine_ns if len(known) == len(reports) else None


def net_of_phases(wall_ns: int, phases: Iterable[Iterable[Sequence[WorkerReport]]]) -> int | None:
    """Return the net length of a round whose parent waits for every worker after each phase.

    ``phases`` have their workers' reports, at least one each. A phase would have ended when the last worker ends
    without what was taken from it. What the parent queued, and workers before they began, is not known and stays in:
    the net length is not too short.
    """
    for phase in phases:
        ends = []
        for reports in phase:
            nets = [report.net_ns for report in reports if report.net_ns is not None]
            if len(nets) < len(reports):
                return None
            lost_ns = sum(report.end_ns - report.start_ns for report in reports) - sum(nets)
            ends.append((max(report.end_ns for report in reports), lost_ns))
        if ends:
            wall_ns -= max(end for end, _ in ends) - max(end - lost for end, lost in ends)
    return wall_ns


def outside() -> tuple[int | None, int | None, int]:
    """Read what no worker's clock shows: the hypervisor's steal, the quota's throttling, this process's CPU time."""
    return clocks.steal_ns(), clocks.throttled_ns(), clocks.process_cpu_ns()


class Taken(TypedDict):
    """The fields of a round that come from ``outside``; None where the system has none."""

    steal_ns: int | None
    throttled_ns: int | None
    process_cpu_ns: int | None


def since(before: tuple[int | None, int | None, int]) -> Taken:
    """Return the differences since ``before = outside()``."""
    steal, throttled, cpu = (
        None if then is None or now is None else now - then for then, now in zip(before, outside(), strict=True)
    )
    return {"steal_ns": steal, "throttled_ns": throttled, "process_cpu_ns": cpu}
