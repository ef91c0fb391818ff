"""Where Dask's workers come from: a cluster of this process, or one that runs already; what must be true of them."""

from __future__ import annotations

import importlib
import logging
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from gilscope import __version__
from gilscope.core import clocks
from gilscope.core.errors import MeasurementError, UnavailableError
from gilscope.executors._shm import why_not_started
from gilscope.executors.processes import describe_exit

__all__ = ["Clock", "Cluster", "clock_of", "complaint_about"]

dask: Any = importlib.import_module("dask")  # neither package has types throughout
distributed: Any = importlib.import_module("distributed")

_CONNECT_S = 5.0
_FATE_S = 2.0  # a worker's connection breaks a moment before its nanny knows why
_PINGS = 20  # the shortest round trip of so many is near the least there is
_BOOT_ID = "/proc/sys/kernel/random/boot_id"

# An expression, because the worker may have no gilscope whose function it could look up.
_FACTS = (
    "{'python': '.'.join(map(str, __import__('sys').version_info[:2])),"
    " 'gilscope': getattr(__import__('gilscope'), '__version__', 'without a version')"
    " if __import__('importlib.util').util.find_spec('gilscope') else '',"
    f" 'boot_id': open({_BOOT_ID!r}).read() if __import__('os').path.exists({_BOOT_ID!r}) else ''}}"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Clock:
    """What to add to a worker's clock to have the parent's, and by how much that may be wrong; ns."""

    offset_ns: int
    error_ns: int


def clock_of(pings: Sequence[tuple[int, int, int]]) -> Clock:
    """Estimate a clock's offset from exchanges.

    Parameters
    ----------
    pings : sequence of (sent, the worker's clock, received), in ns
        ``sent`` and ``received`` on the parent's clock.

    Notes
    -----
    The worker read its clock somewhere between: half the shortest round trip bounds the error (Cristian, Distributed
    Computing 3, 1989).
    """
    sent, theirs, received = min(pings, key=lambda ping: ping[2] - ping[0])
    return Clock(offset_ns=(sent + received) // 2 - theirs, error_ns=(received - sent + 1) // 2)


def complaint_about(worker: str, facts: Mapping[str, Any] | BaseException, threads: int) -> str:
    """Say in one line why a worker cannot be used; empty where it can."""
    if isinstance(facts, BaseException):
        return f"worker {worker} could not tell its versions ({type(facts).__name__}: {facts})"
    here = f"{sys.version_info.major}.{sys.version_info.minor}"
    if facts["python"] != here:
        return f"worker {worker} runs Python {facts['python']}, this is {here}"
    if not facts["gilscope"]:
        return f"worker {worker} has no gilscope"
    if facts["gilscope"] != __version__:
        return f"worker {worker} has gilscope {facts['gilscope']}, this is {__version__}"
    if threads != 1:
        return f"worker {worker} has {threads} threads, and a worker stands for one core"
    return ""


_CURE = (
    "start every worker with the same Python and the same gilscope, one thread each: dask worker ADDRESS --nthreads 1"
)


_OWN_CLUSTER = {
    "distributed.scheduler.allowed-failures": 0,  # a worker that dies is a failure of its case: no second try elsewhere
    "distributed.admin.system-monitor.gil.enabled": False,  # takes the GIL of whoever computes, to see who has it
}


class Cluster:
    """A connection to a scheduler whose workers were found fit.

    Parameters
    ----------
    scheduler : str
        Address like ``tcp://host:8786``; empty: a cluster of this process with ``max_workers`` workers.
    max_workers : int

    Attributes
    ----------
    workers : list of str
        Addresses, sorted.
    clocks : dict of str to Clock
    own : bool
        Whether it is a cluster of this process.
    start_ns : int

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
        self._ends: dict[str, int] = {}  # exit status of our own workers that are gone
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
            self._remember_the_end_of(nanny)
        return client

    def _remember_the_end_of(self, nanny: Any) -> None:
        worker, heed = nanny.worker_address, nanny.process.on_exit

        def ended(status: int) -> None:
            self._ends[worker] = status
            heed(status)

        nanny.process.on_exit = ended

    def _examine(self) -> None:
        threads = self.alive()
        self.workers = sorted(threads)
        facts = self.client.run(eval, _FACTS, on_error="return")
        for worker in self.workers:
            complaint = complaint_about(worker, facts[worker], threads[worker])
            if complaint:
                raise UnavailableError(complaint, _CURE)
        self.clocks = {worker: self._clock(worker, facts[worker]["boot_id"]) for worker in self.workers}

    def _clock(self, worker: str, boot_id: str) -> Clock:
        """Compare clocks; on the machine we run on it is the same one."""
        if boot_id and boot_id == _our_boot_id():
            return Clock(offset_ns=0, error_ns=0)
        pings = []
        for _ in range(_PINGS):
            sent = clocks.wall_ns()
            theirs = self.client.run(time.perf_counter_ns, workers=[worker])[worker]
            pings.append((sent, theirs, clocks.wall_ns()))
        return clock_of(pings)

    def alive(self) -> dict[str, int]:
        """Return the workers that the scheduler knows now, with their numbers of threads."""
        return dict(self.client.nthreads())

    def fates(self, workers: Sequence[str]) -> list[str]:
        """Say how workers that are gone ended, as far as their nannies, where they are ours, tell in time."""
        deadline = time.monotonic() + _FATE_S  # for all of them
        while self.own and not self._ends.keys() >= set(workers) and time.monotonic() < deadline:
            time.sleep(_FATE_S / 100)
        return [describe_exit(self._ends[worker]) if worker in self._ends else "was lost" for worker in workers]

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
        with open(_BOOT_ID) as file:
            return file.read()
    except OSError:
        return ""
