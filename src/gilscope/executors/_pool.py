"""The parent's side of persistent workers: one pool and one session class for every kind of worker.

A pool is made once for the largest worker count; a session uses its first p workers, the others block on their channel.
"""

from __future__ import annotations

import itertools
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import replace
from multiprocessing import connection
from typing import Any, cast

from gilscope.core import clocks
from gilscope.core.errors import MeasurementError, UnavailableError, WorkerDiedError, WorkerRaisedError
from gilscope.core.records import Round
from gilscope.core.spec import chunk_bounds
from gilscope.executors import Session, _rounds
from gilscope.executors._rounds import Task
from gilscope.executors._shm import BARRIERS, Segment
from gilscope.executors._worker import WorkerReport

try:
    from gilscope.executors import _barrier
except ImportError:  # not compiled here: pipe tokens take over
    _barrier = None  # type: ignore[assignment]

_BARRIER_SLOTS = 4096  # one per session; 256 bytes each, so 1 MiB that is only touched where used
_SPIN_NS = 50_000  # a futex wake-up costs about this much: spinning longer cannot win (Karlin et al., SOSP 1991)


class Pool(ABC):
    """Workers that live until ``close``; more than ``cpus`` of them never spin.

    ``ready_ns`` is, per worker, the time from the opening of the pool until it answered.
    """

    def __init__(self, max_workers: int, cpus: int) -> None:
        self.max_workers, self.cpus = max_workers, cpus
        self.ready_ns: list[int] = []
        self.barriers = Segment(_BARRIER_SLOTS * _barrier.NBYTES) if _barrier is not None else None
        self._sessions = itertools.count()

    def token_pipes(self, pipe: Callable[..., tuple[Any, Any]]) -> tuple[Any, list[Any]] | None:
        """Return the pipes of ``TokenBarrier`` where the compiled barrier is missing, else None."""
        if self.barriers is not None:
            return None
        arrivals, *releases = [pipe(duplex=False) for _ in range(self.max_workers + 1)]
        return arrivals, releases

    @abstractmethod
    def send(self, index: int, command: tuple[Any, ...]) -> None:
        """Send a command to worker ``index``."""

    @abstractmethod
    def send_segment(self, index: int, key: str, segment: Segment) -> None:
        """Make a segment known to worker ``index``, once."""

    @abstractmethod
    def collect(self, workers: int) -> list[tuple[tuple[Any, ...], int]]:
        """Wait for one answer of each of the first ``workers``; return (answer, received ns) in worker order.

        Raises WorkerDiedError if a worker ended instead. Close the pool then: the others may wait at a barrier forever.
        """

    @abstractmethod
    def close(self) -> None:
        """End all workers. Idempotent."""

    def ask(self, commands: Sequence[tuple[Any, ...]], what: str) -> list[tuple[Any, int]]:
        """Send command i to worker i, wait for all answers, return (value, received ns) each.

        Raises WorkerRaisedError with the traceback of the first worker that raised.
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

        ``isolated``, as in the control of that name: each worker on a copy of what its chunks touch, no inner barriers.
        """
        return PoolSession(self, task, next(self._sessions), isolated)


class PipedPool(Pool):
    """Workers at the ends of pipes: processes and sub-interpreters."""

    def __init__(self, max_workers: int, cpus: int) -> None:
        super().__init__(max_workers, cpus)
        self.pipes: list[Any] = []  # what ``connection.wait`` waits for
        self._known: list[set[str]] = [set() for _ in range(max_workers)]

    @abstractmethod
    def write(self, index: int, message: Any) -> None:
        """Send worker ``index`` a message; OSError if it is gone."""

    @abstractmethod
    def read(self, pipe: Any) -> Any:
        """Receive a message; EOFError or OSError if the worker is gone."""

    @abstractmethod
    def hand_over(self, index: int, segment: Segment) -> None:
        """Send a segment's descriptor, or its name."""

    @abstractmethod
    def fate(self, index: int) -> str:
        """Say how a worker ended."""

    def send(self, index: int, command: tuple[Any, ...]) -> None:
        try:
            self.write(index, command)
        except OSError:
            raise WorkerDiedError(f"worker {index} {self.fate(index)}") from None

    def send_segment(self, index: int, key: str, segment: Segment) -> None:
        if key not in self._known[index]:
            self.send(index, ("segment", key, segment.nbytes))
            self.hand_over(index, segment)
            self._known[index].add(key)

    def collect(self, workers: int) -> list[tuple[tuple[Any, ...], int]]:
        waiting = {self.pipes[index]: index for index in range(workers)}
        answers: dict[int, tuple[tuple[Any, ...], int]] = {}
        while waiting:
            for ready in cast("list[Any]", connection.wait(list(waiting))):
                index = waiting.pop(ready)
                try:
                    answers[index] = (self.read(ready), clocks.wall_ns())
                except (EOFError, OSError):
                    raise WorkerDiedError(f"worker {index} {self.fate(index)}") from None
        return [answers[index] for index in range(workers)]


def _calls_alike(task: Task) -> bool:
    """Whether a user's function is called again and again: whoever does so in a program meets nobody in between."""
    return task.definition is not None and not task.definition.get("items")


class PoolSession(Session):
    """A case bound to the workers of a pool."""

    def __init__(self, pool: Pool, task: Task, token: int, isolated: bool) -> None:
        super().__init__()
        self._pool, self._task, self._token, self._isolated = pool, task, token, isolated
        case = task.case
        workers = case.workers
        weak, dynamic = case.copies > 1, case.schedule == "dynamic" and workers > 1 and not isolated
        if dynamic and pool.barriers is None:
            raise UnavailableError("a counter that workers share needs the compiled barrier", "use --schedule static")
        bounds = chunk_bounds(task.spec.extent(task.params), case.chunks)
        self._chunks = [
            tuple((n, lo, hi) for n, (lo, hi) in enumerate(bounds) if weak or dynamic or n % workers == index)
            for index in range(workers)
        ]
        self._copies = task.copies if weak else (task,) * workers  # of each worker
        self.placed = task.placed
        self._phases = task.spec.phases(task.params)
        self._private = case.transport == "pickle"
        job = replace(
            _rounds.job_of(task, private=self._private),
            parties=workers,
            barrier_slot=token % _BARRIER_SLOTS,
            spin_ns=_SPIN_NS if workers <= pool.cpus else 0,
            alone=weak or isolated or (_calls_alike(task) and not dynamic),
            dynamic=dynamic,
        )
        for index in () if self._private else range(workers):
            pool.send_segment(index, task.segment_key, task.segment)
            if workers > 1 and pool.barriers is not None:
                pool.send_segment(index, BARRIERS, pool.barriers)
        jobs = [
            replace(
                job,
                index=index,
                layout=task.layout if self._private else self._copies[index].layout,
                chunks=self._chunks[index],
                cpu=self.placed[index]["cpu"] if self.placed else None,
                start=task.starts[index] if 1 < workers <= len(task.starts) else None,
                copies=_rounds.touched(task, self._phases, self._chunks[index]) if isolated else None,
            )
            for index in range(workers)
        ]
        what = task.case.id if task.definition is not None else f"importing {task.target}"
        bound = pool.ask([("bind", token, job) for job in jobs], what)
        warm = pool.ask([("warm", token)] * workers, task.case.id)
        self.keep(max(pool.ready_ns[:workers]), (value for value, _ in bound), [value for value, _ in warm])

    def run_round(self, repeats: int, limit: int | None = None) -> Round:
        return self._round_private(repeats, limit) if self._private else self._round_shared(repeats, limit)

    def _round_shared(self, repeats: int, limit: int | None) -> Round:
        task, workers = self._task, self._task.case.workers
        before = _rounds.outside()
        submitted = []
        for index in range(workers):
            submitted.append(clocks.wall_ns())
            self._pool.send(index, ("round", self._token, repeats, limit))
        replies = self._pool.answers(workers, task.case.id)
        reports = [report for report, _ in replies]
        # Isolated workers have only parts of answers.
        combine_ns = 0 if self._isolated else self._combine([[report] for report in reports], repeats)
        stamps = tuple(
            _rounds.stamp(report, submit, received)
            for report, submit, (_, received) in zip(reports, submitted, replies, strict=True)
        )
        return Round(
            repeats=repeats,
            start_ns=min(report.start_ns for report in reports),
            end_ns=max(report.end_ns for report in reports) + combine_ns,
            combine_ns=combine_ns,
            stamps=stamps,
            net_ns=_rounds.net_of(reports, combine_ns),
            **_rounds.used(reports),
            **_rounds.since(before),
        )

    def _round_private(self, repeats: int, limit: int | None) -> Round:
        """Send the data of each phase and take back what was written; the window opens with the first message."""
        task, workers = self._task, self._task.case.workers
        before, begin = _rounds.outside(), clocks.wall_ns()
        totals: list[list[WorkerReport]] = [[] for _ in range(workers)]
        waiting, gaps = [0] * workers, [0] * workers  # not after the last phase, where the round ends
        received = begin
        for _ in range(repeats):
            partials: list[list[WorkerReport]] = [[] for _ in range(workers)]
            for phase in range(self._phases):
                commands = [
                    ("private", self._token, phase, [_rounds.pack(own, phase, chunk) for chunk in chunks[:limit]])
                    for own, chunks in zip(self._copies, self._chunks, strict=True)
                ]
                answers = self._pool.ask(commands, task.case.id)
                last = max(report.end_ns for (report, _), _ in answers)
                for index, ((report, written), at) in enumerate(answers):
                    _rounds.store(self._copies[index], written)
                    waiting[index] += gaps[index]
                    gaps[index] = last - report.end_ns
                    totals[index].append(report)
                    partials[index].append(report)
                    received = max(received, at)
        combine_ns = self._combine(partials, repeats)
        end = clocks.wall_ns()
        phases = ([[own] for own in phase] for phase in zip(*totals, strict=True))
        stamps = tuple(
            _rounds.stamp(_rounds.merge(reports, waiting[i]), begin, received) for i, reports in enumerate(totals)
        )
        return Round(
            repeats=repeats,
            start_ns=begin,
            end_ns=end,
            combine_ns=combine_ns,
            stamps=stamps,
            net_ns=_rounds.net_of_phases(end - begin, phases),
            **_rounds.used([report for own in totals for report in own]),
            **_rounds.since(before),
        )

    def _combine(self, reports: Sequence[Sequence[WorkerReport]], repeats: int) -> int:
        """Combine what each worker reported; return the ns it took."""
        whole = reports if self._task.case.copies > 1 else [[report for own in reports for report in own]]
        self.results, spent_ns = _rounds.combine_each(self._task, whole, repeats)
        self.result = self.results[0]
        return spent_ns

    def close(self) -> None:
        """Forget the case in the workers. Idempotent."""
        if self._token >= 0:
            self._pool.ask([("unbind", self._token)] * self._task.case.workers, self._task.case.id)
            self._token = -1
