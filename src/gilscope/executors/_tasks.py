"""The parent's side of executors that take tasks: a chunk is a task, a phase is submitted when the one before is done.

There is no start barrier: a round lasts from the first submit to the last answer. The time between two tasks of a
worker is dispatch, unless it waited for the last task of a phase.
"""

import itertools
import os
from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from gilscope.core import clocks
from gilscope.core.errors import WorkerRaisedError
from gilscope.core.records import Round, Stamp
from gilscope.core.spec import chunk_bounds
from gilscope.executors import Session, _rounds
from gilscope.executors._rounds import Chunk, Task
from gilscope.executors._task_worker import Answer
from gilscope.executors._worker import WorkerReport

_HOLD_S = (0.02, 0.1, 0.5, 2.0)
"""How long tasks that make workers ready stay busy, until each worker got one."""

_numbers = itertools.count()


class Done(NamedTuple):
    """A task that was done, with times on the parent's clock."""

    worker: str
    report: WorkerReport
    written: Iterable[tuple[str, int, bytes]]


class TaskSession(Session, ABC):
    """A case bound to an executor that takes tasks.

    ``start_ns`` is what starting the workers took; ``blobs`` are pickled ``(Job, ParentMemory or None)``: one, or one
    per copy of the work. ``jobs`` has them with their keys.
    """

    def __init__(self, task: Task, start_ns: int, blobs: Sequence[bytes]) -> None:
        super().__init__()
        self.task, self.copies = task, task.copies
        self.jobs = [(f"{os.getpid()}.{next(_numbers)}", blob) for blob in blobs]
        self._phases = task.spec.phases(task.params)
        bounds = chunk_bounds(task.spec.extent(task.params), task.case.chunks)
        self._chunks: list[Chunk] = [(number, lo, hi) for number, (lo, hi) in enumerate(bounds)]
        found = self._make_ready()
        self.workers = sorted(found)
        own = [found[worker] for worker in self.workers]
        self.keep(start_ns, (import_ns for import_ns, _ in own), [warm for _, warm in own])

    @abstractmethod
    def submit_warm(self, hold_s: float) -> Iterable[Answer]:
        """Submit one ``_task_worker.make_ready`` per worker; return their answers, or raise WorkerDiedError."""

    @abstractmethod
    def run_phase(self, phase: int, work: Sequence[tuple[int, Chunk]]) -> Iterable[Answer]:
        """Submit chunks of one phase, each with the number of its copy; return the answers in their order.

        Their times are on the parent's clock. Raises WorkerDiedError.
        """

    def run_round(self, repeats: int, limit: int | None = None) -> Round:
        case = self.task.case
        most = None if limit is None else limit * case.workers // case.copies
        work = [(copy, chunk) for copy in range(case.copies) for chunk in self._chunks[:most]]
        before, begin = _rounds.outside(), clocks.wall_ns()
        done: list[list[Done]] = []
        for _ in range(repeats):
            last = len(done)
            for phase in range(self._phases):
                done.append([Done(*_checked(answer, case.id)) for answer in self.run_phase(phase, work)])
                for (copy, _), entry in zip(work, done[-1], strict=True):
                    _rounds.store(self.copies[copy], entry.written)
        received = clocks.wall_ns()
        reports: list[list[WorkerReport]] = [[] for _ in self.copies]
        for entries in done[last:]:
            for (copy, _), entry in zip(work, entries, strict=True):
                reports[copy].append(entry.report)
        self.results, combine_ns = _rounds.combine_each(self.task, reports, repeats)
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
            net_ns=_rounds.net_of_phases(end - begin, (phase.values() for phase in by_worker)),
            **_rounds.used([entry.report for entries in done for entry in entries]),
            **_rounds.since(before),
        )

    def _make_ready(self) -> dict[str, tuple[int, Any]]:
        """Make the job ready in every worker; return what each found."""
        task, found = self.task, dict[str, tuple[int, Any]]()
        what = task.case.id if task.definition is not None else f"importing {task.target}"
        for hold_s in _HOLD_S:
            for answer in self.submit_warm(hold_s):
                worker, import_ns, warm = _checked(answer, what)
                found.setdefault(worker, (import_ns, warm))
            if len(found) >= task.case.workers:
                break
        return found


def _checked(answer: Answer, what: str) -> tuple[Any, ...]:
    if answer[0] == "raised":
        raise WorkerRaisedError(f"{what}{answer[1]}", answer[2])
    return answer[1:]


def stamps_of(
    done: Sequence[Sequence[Done]], workers: Sequence[str], begin_ns: int, received_ns: int
) -> tuple[Stamp, ...]:
    """Return a stamp per worker of a round, in the order of ``workers``; one without a task did nothing.

    ``done`` has the tasks of each phase; the first was submitted at ``begin_ns``, the last answer came at
    ``received_ns``.
    """
    ends = [max(entry.report.end_ns for entry in entries) for entries in done]
    own: dict[str, dict[int, list[WorkerReport]]] = {worker: {} for worker in workers}
    for at, entries in enumerate(done):
        for entry in entries:
            if entry.worker in own:
                own[entry.worker].setdefault(at, []).append(entry.report)
    return tuple(_rounds.stamp(_whole(phases, done, ends, begin_ns), begin_ns, received_ns) for phases in own.values())


def _whole(
    phases: Mapping[int, Sequence[WorkerReport]], done: Sequence[Sequence[Done]], ends: Sequence[int], begin_ns: int
) -> WorkerReport:
    """Sum the tasks of one worker, by phase.

    In a phase without a task for it, between two with some, a worker waits from the first start to the last end.
    """
    if not phases:
        return WorkerReport(
            start_ns=begin_ns, end_ns=begin_ns, waiting_ns=0, waking_ns=0, cpu_ns=0, run_queue_ns=0, partials=()
        )
    waiting_ns = 0
    for at in range(min(phases), max(phases)):
        begun_ns = min(entry.report.start_ns for entry in done[at])
        waiting_ns += ends[at] - max((report.end_ns for report in phases.get(at, ())), default=begun_ns)
    reports = [report for own in phases.values() for report in own]
    return _rounds.merge(sorted(reports, key=lambda report: report.start_ns), waiting_ns)
