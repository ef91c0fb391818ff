"""Where Dask's workers come from: a cluster of this process, or a running one, whose workers are examined first."""

from __future__ import annotations

import importlib
import logging
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gilscope import __version__
from gilscope.core import clocks
from gilscope.core.errors import MeasurementError, UnavailableError
from gilscope.executors._shm import why_not_started
from gilscope.executors.processes import describe_exit

__all__ = ["Cluster", "WorkerClock", "clock_of", "complaint_about"]

dask: Any = importlib.import_module("dask")  # neither package has types throughout
distributed: Any = importlib.import_module("distributed")

_CONNECT_S = 5.0
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


_CURE = (
    "start every worker with the same Python and the same gilscope, one thread each: dask worker ADDRESS --nthreads 1"
)

_OWN_CLUSTER = {
    "distributed.scheduler.allowed-failures": 0,  # a worker that dies fails its case: no retry elsewhere
    "distributed.admin.system-monitor.gil.enabled": False,  # takes the GIL from the computation to see who has it
}


class Cluster:
    """A connection to a scheduler, like ``tcp://host:8786``; empty: a cluster of this process with ``max_workers``.

    Attributes
    ----------
    workers : list of str
        Addresses, sorted.
    clocks : dict of str to WorkerClock
    own : bool
        Whether it is a cluster of this process.

    Raises
    ------
    UnavailableError
        If the scheduler does not answer, or a worker cannot be used.
    MeasurementError
        If a cluster of this process cannot be started.
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
                raise UnavailableError(complaint, _CURE)
        self.clocks = {worker: self._clock(worker, versions[worker]["boot_id"]) for worker in self.workers}

    def _clock(self, worker: str, boot_id: str) -> WorkerClock:
        """Compare clocks; a worker on this machine has the same one."""
        if boot_id and boot_id == _our_boot_id():
            return WorkerClock(offset_ns=0, error_ns=0)
        pings = []
        for _ in range(_PINGS):
            sent = clocks.wall_ns()
            theirs = self.client.run(time.perf_counter_ns, workers=[worker])[worker]
            pings.append((sent, theirs, clocks.wall_ns()))
        return clock_of(pings)

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


def _our_boot_id() -> str:
    try:
        return Path(_BOOT_ID).read_text()
    except OSError:
        return ""
