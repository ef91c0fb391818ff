"""Cases on Dask's workers: of a cluster of this process, or of a running one, whose workers are examined first."""

from __future__ import annotations

import importlib
import logging
import os
import pickle
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from gilscope import __version__
from gilscope.core import clocks
from gilscope.core.errors import MeasurementError, UnavailableError, WorkerDiedError
from gilscope.core.records import Round
from gilscope.executors import _task_worker
from gilscope.executors._rounds import Chunk, Task, job_of, pack
from gilscope.executors._shm import why_not_started
from gilscope.executors._task_worker import Answer, Work, forget
from gilscope.executors._tasks import TaskSession
from gilscope.executors.processes import describe_exit

dask: Any = importlib.import_module("dask")  # neither package has types throughout
distributed: Any = importlib.import_module("distributed")

_CONNECT_S = 5.0
_CHECK_EVERY_S = 1.0  # while waiting: whether all workers are still there
_FATE_S = 2.0  # a worker's connection breaks a moment before its nanny knows why
_PINGS = 20  # the shortest round trip of so many is near the least there is
_BOOT_ID = "/proc/sys/kernel/random/boot_id"

# An expression, because the worker may have no gilscope to import a function from.
_VERSIONS = (
    "{'python': '.'.join(map(str, __import__('sys').version_info[:2])),"
    " 'gilscope': getattr(__import__('gilscope'), '__version__', 'without a version')"
    " if __import__('importlib.util').util.find_spec('gilscope') else '',"
    f" 'boot_id': open({_BOOT_ID!r}).read() if __import__('os').path.exists({_BOOT_ID!r}) else ''}}"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerClock:
    """What to add to a worker's clock to get the parent's, and its error bound; ns."""

    offset_ns: int
    error_ns: int


def clock_of(pings: Sequence[tuple[int, int, int]]) -> WorkerClock:
    """Estimate a clock's offset from exchanges (sent, the worker's clock, received), in ns.

    Half the shortest round trip bounds the error (Cristian, Distributed Computing 3, 1989).
    """
    sent, theirs, received = min(pings, key=lambda ping: ping[2] - ping[0])
    return WorkerClock(offset_ns=(sent + received) // 2 - theirs, error_ns=(received - sent + 1) // 2)


def complaint_about(worker: str, versions: Mapping[str, Any] | BaseException, threads: int) -> str:
    """Say in one line why a worker cannot be used; empty where it can."""
    if isinstance(versions, BaseException):
        return f"worker {worker} could not tell its versions ({type(versions).__name__}: {versions})"
    here = f"{sys.version_info.major}.{sys.version_info.minor}"
    if versions["python"] != here:
        return f"worker {worker} runs Python {versions['python']}, this is {here}"
    if not versions["gilscope"]:
        return f"worker {worker} has no gilscope"
    if versions["gilscope"] != __version__:
        return f"worker {worker} has gilscope {versions['gilscope']}, this is {__version__}"
    if threads != 1:
        return f"worker {worker} has {threads} threads, and a worker stands for one core"
    return ""


_OWN_CLUSTER = {
    "distributed.scheduler.allowed-failures": 0,  # a worker that dies fails its case: no retry elsewhere
    "distributed.admin.system-monitor.gil.enabled": False,  # takes the GIL from the computation to see who has it
    "distributed.worker.profile.enabled": False,  # so does this, every 10 ms
}


class Cluster:
    """A pool: the workers of a scheduler, like ``tcp://host:8786``, or without one ``max_workers`` of this process.

    ``workers`` are sorted addresses, ``clocks`` theirs by address, ``own`` tells whether this process started them.
    Raises UnavailableError if the scheduler does not answer or a worker cannot be used, MeasurementError if the
    cluster of this process does not start.
    """

    def __init__(self, scheduler: str, max_workers: int) -> None:
        logging.getLogger("distributed").setLevel(logging.CRITICAL)
        self._local: Any = None
        self._exits: dict[str, int] = {}  # status of our own workers that are gone
        self.own = not scheduler
        before = clocks.wall_ns()
        self.client: Any = _connected(scheduler) if scheduler else self._embedded(max_workers)
        self.start_ns = clocks.wall_ns() - before
        try:
            self._examine()
        except BaseException:
            self.close()
            raise

    def _embedded(self, max_workers: int) -> Any:
        with dask.config.set(_OWN_CLUSTER):
            try:
                self._local = distributed.LocalCluster(
                    n_workers=max_workers,
                    threads_per_worker=1,
                    processes=True,
                    host="127.0.0.1",
                    dashboard_address=None,
                    worker_dashboard_address=None,
                    silence_logs=logging.CRITICAL,
                )
            except (OSError, RuntimeError) as error:
                raise MeasurementError(why_not_started("Dask", error)) from error
        client = distributed.Client(self._local)
        client.wait_for_workers(max_workers)
        for nanny in self._local.workers.values():
            nanny.auto_restart = False
            self._remember_exit(nanny)
        return client

    def _remember_exit(self, nanny: Any) -> None:
        worker, on_exit = nanny.worker_address, nanny.process.on_exit

        def remember(status: int) -> None:
            self._exits[worker] = status
            on_exit(status)

        nanny.process.on_exit = remember

    def _examine(self) -> None:
        threads = self.alive()
        self.workers = sorted(threads)
        versions = self.client.run(eval, _VERSIONS, on_error="return")
        for worker in self.workers:
            if complaint := complaint_about(worker, versions[worker], threads[worker]):
                cure = "start every worker with the same Python and the same gilscope, one thread each"
                raise UnavailableError(complaint, f"{cure}: dask worker ADDRESS --nthreads 1")
        self.clocks = {worker: self._clock(worker, versions[worker]["boot_id"]) for worker in self.workers}

    def _clock(self, worker: str, boot_id: str) -> WorkerClock:
        """Compare clocks; a worker on this machine has the same one."""
        here = Path(_BOOT_ID)
        if boot_id and here.exists() and here.read_text() == boot_id:
            return WorkerClock(offset_ns=0, error_ns=0)
        pings = []
        for _ in range(_PINGS):
            sent = clocks.wall_ns()
            theirs = self.client.run(time.perf_counter_ns, workers=[worker])[worker]
            pings.append((sent, theirs, clocks.wall_ns()))
        return clock_of(pings)

    def bind(self, task: Task) -> DaskSession:
        """Make a case ready in the first p workers, or raise UnavailableError if there are too few."""
        wanted, there = task.case.workers, len(self.workers)
        if wanted > there:
            raise UnavailableError(
                f"the Dask cluster has {there} worker{'s' if there != 1 else ''}, {task.case.id} needs {wanted}",
                f"start more workers, or use --workers {there}" if there else "start workers: dask worker ADDRESS",
            )
        return DaskSession(self, task)

    def alive(self) -> dict[str, int]:
        """Return the number of threads of each worker that the scheduler knows now."""
        return dict(self.client.nthreads())

    def fates(self, workers: Sequence[str]) -> list[str]:
        """Say how lost workers ended, where they are ours and their nannies report it in time."""
        deadline = time.monotonic() + _FATE_S  # for all of them
        while self.own and not self._exits.keys() >= set(workers) and time.monotonic() < deadline:
            time.sleep(_FATE_S / 100)
        return [describe_exit(self._exits[worker]) if worker in self._exits else "was lost" for worker in workers]

    def close(self) -> None:
        """Leave a running cluster as it was; end one of this process. Idempotent."""
        self.client.close(timeout=5)
        if self._local is not None:
            self._local.close(timeout=5)
            self._local = None


def _connected(scheduler: str) -> Any:
    try:
        return distributed.Client(scheduler, timeout=_CONNECT_S)
    except (OSError, ValueError) as error:  # a time-out is an OSError
        raise UnavailableError(
            f"no Dask scheduler answers at {scheduler} ({type(error).__name__})",
            "start one with: dask scheduler, and give its address, like --dask-scheduler tcp://host:8786",
        ) from None


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
        self.placed = []
        for worker, place in zip(self._addresses, self._places or [{}] * len(self._addresses), strict=True):
            clock = cluster.clocks[worker]
            known = {"worker": worker, "clock_offset_ns": clock.offset_ns, "clock_error_ns": clock.error_ns}
            self.placed.append({**known, **place})

    def submit_warm(self, hold_s: float) -> list[Answer]:
        cpus = [place["cpu"] for place in self._places] or [None] * len(self._addresses)
        blob = self.jobs[0][1]
        places = zip(self._addresses, cpus, strict=True)
        return self._answers([self._submit(_make_ready, [at], blob, self._inputs, cpu) for at, cpu in places])

    def run_phase(self, phase: int, work: Sequence[tuple[int, Chunk]]) -> list[Answer]:
        packed = [pack(self.copies[copy], phase, chunk, self._there) for copy, chunk in work]
        tasks = [self._submit(_run, self._addresses, phase, (entry,)) for entry in packed]
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
        try:
            self._wait_for(futures)
            answers: list[Answer] = self._client.gather(futures)
        except (distributed.KilledWorker, distributed.CancelledError, OSError) as error:
            self._check_workers()
            raise WorkerDiedError(f"Dask gave a task up: {str(error).partition(chr(10))[0]}") from None
        return answers

    def _wait_for(self, futures: list[Any]) -> None:
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


# On the workers, known by their addresses; Dask imports this module there, so they need gilscope.


def _make_ready(key: str, blob: bytes, inputs: Mapping[str, bytes], cpu: int | None) -> Answer:
    if cpu is not None:
        os.sched_setaffinity(0, {cpu})  # of the thread that does this worker's tasks
    return _task_worker.make_ready(key, blob, inputs, 0.0, distributed.get_worker().address)


def _run(key: str, phase: int, work: Work) -> Answer:
    return _task_worker.run(key, b"", None, phase, work, distributed.get_worker().address)
