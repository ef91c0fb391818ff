"""Dask's distributed scheduler: inputs scattered once, chunks as tasks, results gathered."""

from __future__ import annotations

import contextlib
import importlib.util
import pickle
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from gilscope.core import clocks
from gilscope.core.errors import UnavailableError, WorkerDiedError
from gilscope.core.records import Round
from gilscope.core.spec import Availability, Impl
from gilscope.executors._rounds import Chunk, Task, job_of, pack
from gilscope.executors._task_worker import Answer, forget
from gilscope.executors._tasks import TaskSession

if TYPE_CHECKING:
    from gilscope.executors._dask_cluster import Cluster, WorkerClock

__all__ = ["DaskPool", "availability", "on_our_clock", "open_pool", "workers_of"]

_CHECK_EVERY_S = 1.0  # while waiting: whether all workers are still there


def availability(impl: Impl, start_method: str = "") -> Availability:
    """Dask runs every chunked implementation where ``distributed`` is installed."""
    if importlib.util.find_spec("distributed") is None:
        return Availability(
            ok=False, reason="distributed is not installed", cure="Install it with: pip install 'gilscope[dask]'"
        )
    return Availability(ok=True)


class DaskPool:
    """A connection to a Dask cluster; a session uses its first p workers."""

    def __init__(self, max_workers: int, scheduler: str) -> None:
        from gilscope.executors._dask_cluster import Cluster

        self.cluster: Cluster = Cluster(scheduler, max_workers)
        self.cluster.client.run(forget, None)

    def bind(self, task: Task) -> DaskSession:
        """Make a case ready in its workers, or raise UnavailableError if there are too few."""
        wanted, there = task.case.workers, len(self.cluster.workers)
        if wanted > there:
            raise UnavailableError(
                f"the Dask cluster has {there} worker{'s' if there != 1 else ''}, {task.case.id} needs {wanted}",
                f"start more workers, or use --workers {there}" if there else "start workers: dask worker ADDRESS",
            )
        return DaskSession(self.cluster, task)

    def close(self) -> None:
        """Disconnect; end the cluster if this process started it. Idempotent."""
        self.cluster.close()


class DaskSession(TaskSession):
    """A case in workers of a Dask cluster; ``placed`` has each one's address, and what is added to its clock."""

    def __init__(self, cluster: Cluster, task: Task) -> None:
        self._cluster, self._client = cluster, cluster.client
        self._addresses = cluster.workers[: task.case.workers]
        names = [buffer.name for buffer in task.spec.layout(task.params) if buffer.role == "input"]
        self._there = frozenset(names)
        self._places = task.placed if cluster.own else []  # a cluster elsewhere has other CPUs
        before = clocks.wall_ns()
        self._inputs = self._client.scatter(
            [{name: bytes(task.buffers[name]) for name in names}], workers=self._addresses, broadcast=True, hash=False
        )[0]
        transfer_ns = clocks.wall_ns() - before
        super().__init__(task, cluster.start_ns, [pickle.dumps((job_of(task, private=True), None))])
        self.one_time_ns["transfer"] = transfer_ns
        self.placed = [
            {
                "worker": worker,
                "clock_offset_ns": cluster.clocks[worker].offset_ns,
                "clock_error_ns": cluster.clocks[worker].error_ns,
                **place,
            }
            for worker, place in zip(self._addresses, self._places or [{}] * len(self._addresses), strict=True)
        ]

    def submit_warm(self, hold_s: float) -> list[Answer]:
        from gilscope.executors._dask_worker import warm

        cpus = [place["cpu"] for place in self._places] or [None] * len(self._addresses)
        blob = self.jobs[0][1]
        tasks = [
            self._submit(warm, [address], blob, self._inputs, cpu)
            for address, cpu in zip(self._addresses, cpus, strict=True)
        ]
        return self._answers(tasks)

    def run_phase(self, phase: int, work: Sequence[tuple[int, Chunk]]) -> list[Answer]:
        from gilscope.executors._dask_worker import run

        tasks = [
            self._submit(run, self._addresses, phase, (pack(self.copies[copy], phase, chunk, self._there),))
            for copy, chunk in work
        ]
        return [on_our_clock(answer, self._cluster.clocks) for answer in self._answers(tasks)]

    def run_round(self, repeats: int, limit: int | None = None) -> Round:
        """See ``TaskSession``; a round in which a worker was lost is discarded, even if others did its tasks.

        All workers get the inputs before the round begins. As an argument of every task they would decide where it
        runs: Dask drops copies of data that it holds twice, and sends tasks to their data.
        """
        self.submit_warm(0.0)
        measured = super().run_round(repeats, limit)
        self._check_workers()
        return measured

    def _submit(self, function: Any, workers: list[str], *arguments: Any) -> Any:
        return self._client.submit(function, self.jobs[0][0], *arguments, workers=workers, pure=False, retries=0)

    def _answers(self, futures: list[Any]) -> list[Answer]:
        """Wait for tasks, or raise WorkerDiedError."""
        from gilscope.executors._dask_cluster import distributed

        try:
            self._wait_for(futures)
            answers: list[Answer] = self._client.gather(futures)
        except (distributed.KilledWorker, distributed.CancelledError, OSError) as error:
            self._check_workers()
            raise WorkerDiedError(f"Dask gave a task up: {str(error).partition(chr(10))[0]}") from None
        return answers

    def _wait_for(self, futures: list[Any]) -> None:
        from gilscope.executors._dask_cluster import distributed

        while True:
            try:
                distributed.wait(futures, timeout=_CHECK_EVERY_S)
                return
            except TimeoutError:
                self._check_workers()

    def _check_workers(self) -> None:
        try:
            gone = [address for address in self._addresses if address not in self._cluster.alive()]
        except OSError as error:
            raise WorkerDiedError(f"the Dask scheduler is gone ({type(error).__name__})") from None
        if gone:
            fates = zip(gone, self._cluster.fates(gone), strict=True)
            raise WorkerDiedError("; ".join(f"Dask worker {address} {fate}" for address, fate in fates))

    def close(self) -> None:
        """Forget the case in the workers. Idempotent."""
        if self._inputs is not None:
            self._inputs.release()
            self._client.run(forget, [self.jobs[0][0]], workers=self._addresses)
            self._inputs = None


def on_our_clock(answer: Answer, clocks_of: Mapping[str, WorkerClock]) -> Answer:
    """Move the times of an answer to the parent's clock."""
    if answer[0] != "ok":
        return answer
    status, worker, report, written = answer
    offset_ns = clocks_of[worker].offset_ns
    moved = replace(report, start_ns=report.start_ns + offset_ns, end_ns=report.end_ns + offset_ns)
    return status, worker, moved, written


def workers_of(scheduler: str) -> int:
    """Return how many workers a running cluster has.

    Raises UnavailableError if nothing answers there, or a worker cannot be used.
    """
    from gilscope.executors._dask_cluster import Cluster

    with contextlib.closing(Cluster(scheduler, 0)) as cluster:
        return len(cluster.workers)


def open_pool(max_workers: int, cpus: int, start_method: str = "", *, scheduler: str = "") -> DaskPool:
    """Connect to the cluster at ``scheduler``, or start one of ``max_workers`` workers on this machine."""
    return DaskPool(max_workers, scheduler)
