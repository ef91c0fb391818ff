"""The parent's side of persistent workers: one pool and one session class for every kind of worker.

A pool is made once for the largest worker count; a session uses its first p workers; the others block on their channel.
"""

from __future__ import annotations

import itertools
from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypedDict

from gilscope import clocks
from gilscope.errors import MeasurementError, WorkerRaisedError
from gilscope.executors._shm import Segment
from gilscope.executors._tokens import TokenBarrier
from gilscope.executors._worker import Job, Report
from gilscope.records import Round, Stamp
from gilscope.spec import Buffers, Case, KernelSpec, Params, chunk_bounds
from gilscope.targets import Layout

try:
    from gilscope.executors import _barrier
except ImportError:  # not compiled here: pipe tokens take over
    _barrier = None  # type: ignore[assignment]

__all__ = [
    "BARRIERS",
    "BARRIER_SLOTS",
    "SPIN_NS",
    "Pool",
    "PoolSession",
    "Task",
    "combine",
    "open_barrier",
    "outside",
    "since",
]

BARRIERS = "barriers"  # key of the segment that holds them
BARRIER_SLOTS = 4096  # one per session; 256 bytes each, so 1 MiB that is only touched where used
SPIN_NS = 50_000  # a futex wake-up costs about this much: spinning longer cannot win (Karlin et al., SOSP 1991)


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """A case made concrete: its kernel, the implementation's target and the memory its buffers lie in."""

    case: Case
    spec: KernelSpec
    params: Params
    target: str
    layout: Layout
    segment: Segment
    segment_key: str
    buffers: Buffers


def combine(task: Task, reports: Iterable[Report], repeats: int) -> tuple[Any, int]:
    """Combine the last repeat's partials in chunk order, once per repeat; return (result, ns)."""
    entries = sorted((entry for report in reports for entry in report.partials), key=lambda entry: entry[:2])
    partials = [partial for _, _, partial in entries]
    before = clocks.wall_ns()
    result = None
    for _ in range(repeats):
        result = task.spec.combine(task.params, partials)
    return result, clocks.wall_ns() - before


def open_barrier(
    memory: Any, tokens: tuple[Any, Sequence[Any]] | None, slot: int, parties: int, index: int, spin_ns: int
) -> Any:
    """Return one worker's view of barrier ``slot``: compiled where possible, else of pipe tokens."""
    if tokens is not None:
        return TokenBarrier(index, parties, *tokens)
    return _barrier.Barrier(memory, slot * _barrier.NBYTES, parties, spin_ns)


class Pool(ABC):
    """Workers that live until ``close``.

    Parameters
    ----------
    max_workers : int
    cpus : int
        CPUs this process may use; more workers than that never spin.

    Attributes
    ----------
    ready_ns : list of int
        Per worker, from the opening of the pool until it answered.
    """

    def __init__(self, max_workers: int, cpus: int) -> None:
        self.max_workers, self.cpus = max_workers, cpus
        self.ready_ns: list[int] = []
        self.barriers = Segment(BARRIER_SLOTS * _barrier.NBYTES) if _barrier is not None else None
        self._slots = itertools.count()
        self._tokens_of_sessions = itertools.count()

    @abstractmethod
    def send(self, index: int, command: tuple[Any, ...]) -> None:
        """Send a command to worker ``index``."""

    @abstractmethod
    def send_segment(self, index: int, key: str, segment: Segment) -> None:
        """Make a segment known to worker ``index``, once."""

    @abstractmethod
    def collect(self, workers: int) -> list[tuple[tuple[Any, ...], int]]:
        """Wait for one answer of each of the first ``workers``; return (answer, received ns) in worker order.

        Raises
        ------
        WorkerDiedError
            If a worker ended instead; the others were released from their barrier first.
        """

    @abstractmethod
    def close(self) -> None:
        """End all workers. Idempotent."""

    def ask(self, commands: Sequence[tuple[Any, ...]], what: str) -> list[tuple[Any, int]]:
        """Send command i to worker i, wait for all answers, return (value, received ns) each.

        Raises
        ------
        WorkerRaisedError
            If a worker raised; the first one's traceback is kept.
        """
        for index, command in enumerate(commands):
            self.send(index, command)
        return self.answers(len(commands), what)

    def answers(self, workers: int, what: str) -> list[tuple[Any, int]]:
        """Like ``ask`` for commands that were sent already."""
        replies = self.collect(workers)
        for (status, *rest), _ in replies:
            if status == "raised":
                raise WorkerRaisedError(f"{what}{rest[0]}", rest[1])
        if any(answer[0] == "broken" for answer, _ in replies):
            raise MeasurementError(f"{what}: the barrier broke and no worker said why")
        return [(answer[1], received) for answer, received in replies]

    def bind(self, task: Task, *, isolated: bool = False) -> PoolSession:
        """Make a case ready in the first ``task.case.workers`` workers.

        ``isolated``: the control of that name: each worker on a copy of what its own chunks touch, no inner barriers.
        """
        return PoolSession(self, task, next(self._tokens_of_sessions), next(self._slots) % BARRIER_SLOTS, isolated)


class PoolSession:
    """A case bound to the workers of a pool.

    Attributes
    ----------
    result : object
        What the last round's partials were combined to.
    one_time_ns : dict
        ``start``, ``import``, ``jit``; the slowest worker's.
    """

    def __init__(self, pool: Pool, task: Task, token: int, slot: int, isolated: bool) -> None:
        self._pool, self._task, self._token, self._isolated = pool, task, token, isolated
        self.result: Any = None
        case = task.case
        workers = case.workers
        bounds = chunk_bounds(task.spec.extent(task.params), case.chunks)
        self._chunks = [
            tuple((number, lo, hi) for number, (lo, hi) in enumerate(bounds) if number % workers == index)
            for index in range(workers)
        ]
        self._phases = task.spec.phases(task.params)
        self._private = case.transport == "pickle"
        job = Job(
            target=task.target,
            params=dict(task.params),
            layout=task.layout,
            segment=task.segment_key,
            phases=self._phases,
            chunks=(),
            index=0,
            parties=workers,
            barrier_slot=slot,
            spin_ns=SPIN_NS if workers <= pool.cpus else 0,
            private=self._private,
        )
        for index in range(workers):
            if not self._private:
                pool.send_segment(index, task.segment_key, task.segment)
                if workers > 1 and pool.barriers is not None:
                    pool.send_segment(index, BARRIERS, pool.barriers)
        jobs = [
            replace(job, index=index, chunks=self._chunks[index], copies=self._touched(index) if isolated else None)
            for index in range(workers)
        ]
        what = case.id if "#" in task.target else f"importing {task.target}"
        bound = pool.ask([("bind", token, job) for job in jobs], what)
        warm = pool.ask([("warm", token)] * workers, case.id)
        self.jit_cache, self.isa = warm[0][0][1:]
        if any(value[1] == "cold" for value, _ in warm):
            self.jit_cache = "cold"
        self.one_time_ns = {
            "start": max(pool.ready_ns[:workers]),
            "import": max(value for value, _ in bound),
            "jit": max(value[0] for value, _ in warm),
        }

    def run_round(self, repeats: int, limit: int | None = None) -> Round:
        """Run the kernel ``repeats`` times and return the round; ``limit``: only so many chunks per worker and phase.

        Raises
        ------
        WorkerRaisedError, WorkerDiedError
        """
        return self._round_private(repeats, limit) if self._private else self._round_shared(repeats, limit)

    def _round_shared(self, repeats: int, limit: int | None) -> Round:
        task, workers = self._task, self._task.case.workers
        before = outside()
        submitted = []
        for index in range(workers):
            submitted.append(clocks.wall_ns())
            self._pool.send(index, ("round", self._token, repeats, limit))
        replies = self._pool.answers(workers, task.case.id)
        reports = [report for report, _ in replies]
        combine_ns = 0
        if not self._isolated:  # parts of answers that nobody asked for
            self.result, combine_ns = combine(task, reports, repeats)
        stamps = tuple(
            stamp(report, submit, received)
            for report, submit, (_, received) in zip(reports, submitted, replies, strict=True)
        )
        return Round(
            repeats=repeats,
            start_ns=min(report.start_ns for report in reports),
            end_ns=max(report.end_ns for report in reports) + combine_ns,
            combine_ns=combine_ns,
            stamps=stamps,
            **since(before),
        )

    def _round_private(self, repeats: int, limit: int | None) -> Round:
        """Send the data of each phase, take back what was written: the window opens with the first message."""
        task, workers = self._task, self._task.case.workers
        before, begin = outside(), clocks.wall_ns()
        totals: list[list[Report]] = [[] for _ in range(workers)]
        waiting = [0] * workers
        received = begin
        for _ in range(repeats):
            partials: list[Report] = []
            for phase in range(self._phases):
                commands = [
                    ("private", self._token, phase, self._pack(phase, index, limit)) for index in range(workers)
                ]
                answers = self._pool.ask(commands, task.case.id)
                last = max(report.end_ns for (report, _), _ in answers)
                for index, ((report, written), at) in enumerate(answers):
                    self._store(written)
                    waiting[index] += last - report.end_ns
                    totals[index].append(report)
                    partials.append(report)
                    received = max(received, at)
        self.result, combine_ns = combine(task, partials, repeats)
        end = clocks.wall_ns()
        stamps = tuple(stamp(merge(reports, waiting[i]), begin, received) for i, reports in enumerate(totals))
        return Round(
            repeats=repeats,
            start_ns=begin,
            end_ns=end,
            combine_ns=combine_ns,
            stamps=stamps,
            **since(before),
        )

    def _touched(self, index: int) -> tuple[tuple[str, int, int], ...]:
        """Return the slices that the chunks of one worker read or write in any phase, each once."""
        spec, params = self._task.spec, self._task.params
        return tuple(
            dict.fromkeys(
                part
                for phase in range(self._phases)
                for _, lo, hi in self._chunks[index]
                for part in (*spec.reads(params, phase, lo, hi), *spec.writes(params, phase, lo, hi))
            )
        )

    def _pack(
        self, phase: int, index: int, limit: int | None
    ) -> list[tuple[tuple[int, int, int], list[Any], list[Any]]]:
        spec, params, buffers = self._task.spec, self._task.params, self._task.buffers
        packed = []
        for chunk in self._chunks[index][:limit]:
            _, lo, hi = chunk
            reads = [
                (name, first, bytes(buffers[name][first:last]))
                for name, first, last in spec.reads(params, phase, lo, hi)
            ]
            packed.append((chunk, reads, list(spec.writes(params, phase, lo, hi))))
        return packed

    def _store(self, written: Iterable[tuple[str, int, bytes]]) -> None:
        for name, first, data in written:
            view = self._task.buffers[name]
            items = memoryview(data).cast(view.format)  # type: ignore[call-overload]
            view[first : first + len(items)] = items

    def close(self) -> None:
        """Forget the case in the workers. Idempotent."""
        if self._token >= 0:
            self._pool.ask([("unbind", self._token)] * self._task.case.workers, self._task.case.id)
            self._token = -1


def stamp(report: Report, submit_ns: int, received_ns: int) -> Stamp:
    """Turn a worker's report into a stamp."""
    return Stamp(
        submit_ns=submit_ns,
        start_ns=report.start_ns,
        end_ns=report.end_ns,
        waiting_ns=report.waiting_ns,
        waking_ns=report.waking_ns,
        cpu_ns=report.cpu_ns,
        run_queue_ns=report.run_queue_ns,
        received_ns=received_ns,
    )


def merge(reports: Sequence[Report], waiting_ns: int) -> Report:
    """Sum one worker's reports over the phases of a round; the gaps between them are dispatch."""
    queued = [report.run_queue_ns for report in reports]
    busy_ns = sum(report.end_ns - report.start_ns for report in reports)
    span_ns = reports[-1].end_ns - reports[0].start_ns
    return Report(
        start_ns=reports[0].start_ns,
        end_ns=reports[-1].end_ns,
        waiting_ns=waiting_ns,
        waking_ns=max(0, span_ns - busy_ns - waiting_ns),
        cpu_ns=sum(report.cpu_ns for report in reports),
        run_queue_ns=None if None in queued else sum(value for value in queued if value is not None),
        partials=(),
    )


def outside() -> tuple[int | None, int | None]:
    """Read what others take from us: steal of the hypervisor, throttling by the cgroup's quota."""
    return clocks.steal_ns(), clocks.throttled_ns()


class Taken(TypedDict):
    """The fields of a round that tell what others took; None where the system does not."""

    steal_ns: int | None
    throttled_ns: int | None


def since(before: tuple[int | None, int | None]) -> Taken:
    """Return what was taken since ``before = outside()``."""
    steal, throttled = (
        None if then is None or now is None else now - then for then, now in zip(before, outside(), strict=True)
    )
    return {"steal_ns": steal, "throttled_ns": throttled}
