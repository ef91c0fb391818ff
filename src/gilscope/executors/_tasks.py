"""The parent's side of executors that take tasks: a chunk is a task, a phase is submitted when the one before is done.

There is no start barrier: the window of a round opens when the first task is handed over and closes when the last
answer is there. What lies between tasks of one worker is dispatch, unless it waited for the last task of a phase.
"""

from __future__ import annotations

import itertools
import os
import pickle
from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from gilscope.core import clocks
from gilscope.core.errors import WorkerRaisedError
from gilscope.core.records import Round, Stamp
from gilscope.core.spec import chunk_bounds
from gilscope.executors._rounds import Chunk, Task, combine_each, net_of_phases, outside, since, stamp, store, used
from gilscope.executors._task_worker import Answer, Warm
from gilscope.executors._worker import Job, WorkerReport

__all__ = ["Done", "TaskSession", "pickled", "stamps_of"]

_HOLD_S = (0.02, 0.1, 0.5, 2.0)
"""How long tasks that make workers ready stay busy, so that each lands in another worker; longer only where needed."""

_numbers = itertools.count()


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """A task that was done: by whom, when (on the parent's clock), what came of it."""

    worker: str
    report: WorkerReport
    written: Iterable[tuple[str, int, bytes]]


class TaskSession(ABC):
    """A case bound to an executor that takes tasks; see ``PoolSession`` for the attributes.

    Parameters
    ----------
    task : Task
    start_ns : int
        What starting the workers took.
    blobs : sequence of bytes
        What tasks bring along for workers that do not know the job yet, pickled: one, or one per copy of the work.

    Attributes
    ----------
    jobs : list of (key, blob)
    copies : tuple of Task
    """

    def __init__(self, task: Task, start_ns: int, blobs: Sequence[bytes]) -> None:
        self.task, self.copies = task, task.copies
        self.jobs = [(f"{os.getpid()}.{next(_numbers)}", blob) for blob in blobs]
        self.result: Any = None
        self.results: list[Any] = []
        self.workers: list[str] = []
        self._phases = task.spec.phases(task.params)
        bounds = chunk_bounds(task.spec.extent(task.params), task.case.chunks)
        self._chunks: list[Chunk] = [(number, lo, hi) for number, (lo, hi) in enumerate(bounds)]
        found = self._warm_up()
        self.workers = sorted(found)
        self.jit_cache = next((warm.jit_cache for warm in found.values() if warm.jit_cache == "cold"), "")
        first = found[self.workers[0]]
        self.jit_cache, self.isa = self.jit_cache or first.jit_cache, first.isa
        self.gil_enabled = any(warm.gil_enabled for warm in found.values())
        self.one_time_ns = {
            "start": start_ns,
            "import": max(warm.import_ns for warm in found.values()),
            "jit": max(warm.jit_ns for warm in found.values()),
        }

    @abstractmethod
    def submit_warm(self, hold_s: float) -> Iterable[Answer]:
        """Submit one ``_task_worker.warm`` per worker; return their answers.

        Raises
        ------
        WorkerDiedError
        """

    @abstractmethod
    def run_phase(self, phase: int, work: Sequence[tuple[int, Chunk]]) -> Iterable[Answer]:
        """Submit chunks of one phase, each with the number of its copy; return the answers in their order.

        Their times are on the parent's clock.

        Raises
        ------
        WorkerDiedError
        """

    @abstractmethod
    def close(self) -> None:
        """Forget the case. Idempotent."""

    def run_round(self, repeats: int, limit: int | None = None) -> Round:
        """Run the kernel ``repeats`` times; ``limit``: only so many chunks per worker and phase.

        Raises
        ------
        WorkerRaisedError, WorkerDiedError
        """
        case = self.task.case
        most = None if limit is None else limit * case.workers // case.copies
        work = [(copy, chunk) for copy in range(case.copies) for chunk in self._chunks[:most]]
        before, begin = outside(), clocks.wall_ns()
        done: list[list[Done]] = []
        for _ in range(repeats):
            last = len(done)
            for phase in range(self._phases):
                done.append([self._done(answer) for answer in self.run_phase(phase, work)])
                for (copy, _), entry in zip(work, done[-1], strict=True):
                    store(self.copies[copy], entry.written)
        received = clocks.wall_ns()
        reports: list[list[WorkerReport]] = [[] for _ in self.copies]
        for entries in done[last:]:
            for (copy, _), entry in zip(work, entries, strict=True):
                reports[copy].append(entry.report)
        self.results, combine_ns = combine_each(self.task, reports, repeats)
        self.result = self.results[0]
        end = clocks.wall_ns()
        by_worker: list[dict[str, list[WorkerReport]]] = []
        for entries in done:
            by_worker.append({})
            for entry in entries:
                by_worker[-1].setdefault(entry.worker, []).append(entry.report)
        return Round(
            repeats=repeats,
            start_ns=begin,
            end_ns=end,
            combine_ns=combine_ns,
            stamps=stamps_of(done, self.workers, begin, received),
            net_ns=net_of_phases(end - begin, (phase.values() for phase in by_worker)),
            **used([entry.report for entries in done for entry in entries]),
            **since(before),
        )

    def _warm_up(self) -> Mapping[str, Warm]:
        """Make the job ready in every worker; return what each said."""
        found: dict[str, Warm] = {}
        for hold_s in _HOLD_S:
            for answer in self.submit_warm(hold_s):
                if answer[0] == "raised":
                    own = self.task.definition is not None
                    what = self.task.case.id if own else f"importing {self.task.target}"
                    raise WorkerRaisedError(f"{what}{answer[1]}", answer[2])
                found.setdefault(answer[1].worker, answer[1])
            if len(found) >= self.task.case.workers:
                break
        return found

    def _done(self, answer: Answer) -> Done:
        if answer[0] == "raised":
            raise WorkerRaisedError(f"{self.task.case.id}{answer[1]}", answer[2])
        _, worker, report, written = answer
        return Done(worker=worker, report=report, written=written)


def stamps_of(
    done: Sequence[Sequence[Done]], workers: Sequence[str], begin_ns: int, received_ns: int
) -> tuple[Stamp, ...]:
    """Return a stamp per worker of a round, in the order of ``workers``.

    Parameters
    ----------
    done : sequence over the phases of the round of (sequence of Done)
    workers : sequence of str
        Those that the case may use; one that got no task did nothing and waited for the others.
    begin_ns, received_ns : int
        When the first task was handed over; when the last answer was there.
    """
    ends = [max(entry.report.end_ns for entry in entries) for entries in done]
    own: dict[str, dict[int, list[WorkerReport]]] = {worker: {} for worker in workers}
    for at, entries in enumerate(done):
        for entry in entries:
            own.setdefault(entry.worker, {}).setdefault(at, []).append(entry.report)
    return tuple(
        stamp(_whole(phases, done, ends, begin_ns), begin_ns, received_ns)
        for phases in list(own.values())[: len(workers)]
    )


def _whole(
    phases: Mapping[int, Sequence[WorkerReport]], done: Sequence[Sequence[Done]], ends: Sequence[int], begin_ns: int
) -> WorkerReport:
    """Sum the tasks of one worker.

    Notes
    -----
    In a phase without a task for it, between two with some, a worker waits from the first start to the last end.
    """
    if not phases:
        return WorkerReport(
            start_ns=begin_ns, end_ns=begin_ns, waiting_ns=0, waking_ns=0, cpu_ns=0, run_queue_ns=0, partials=()
        )
    reports = [report for own in phases.values() for report in own]
    start, end = min(report.start_ns for report in reports), max(report.end_ns for report in reports)
    waiting = 0
    for at in range(min(phases), max(phases)):
        since_ns = (
            max(report.end_ns for report in phases[at])
            if at in phases
            else min(entry.report.start_ns for entry in done[at])
        )
        waiting += ends[at] - since_ns
    busy = sum(report.end_ns - report.start_ns for report in reports)
    queued = [report.run_queue_ns for report in reports]
    return WorkerReport(
        start_ns=start,
        end_ns=end,
        waiting_ns=waiting,
        waking_ns=max(0, end - start - busy - waiting),
        cpu_ns=sum(report.cpu_ns for report in reports),
        run_queue_ns=None if None in queued else sum(value for value in queued if value is not None),
        partials=(),
    )


def pickled(job: Job, memory: Any) -> bytes:
    """Return what ``_task_worker`` makes a job ready from."""
    return pickle.dumps((job, memory))
