"""Processes, started by fork, forkserver or spawn; data in shared memory, or pickled through pipes."""

from __future__ import annotations

import multiprocessing
import os
import signal
from multiprocessing import connection, reduction
from typing import Any, cast

from gilscope.core import clocks
from gilscope.core.errors import UnavailableError, WorkerDiedError
from gilscope.core.spec import Availability, Impl
from gilscope.executors import _process_worker
from gilscope.executors._pool import Pool
from gilscope.executors._shm import HAS_MEMFD, Segment

__all__ = ["ProcessPool", "availability", "default_start_method", "describe_exit", "open_pool"]


def availability(impl: Impl, start_method: str = "") -> Availability:
    """Processes run every chunked implementation, where the platform has the start method."""
    known = multiprocessing.get_all_start_methods()
    if start_method and start_method not in known:
        return Availability(
            ok=False,
            reason=f"this platform cannot start processes by {start_method}",
            cure=f"use --start-method {known[0]}",
        )
    return Availability(ok=True)


def default_start_method() -> str:
    """Forkserver where the platform has it, else spawn."""
    return "forkserver" if "forkserver" in multiprocessing.get_all_start_methods() else "spawn"


class ProcessPool(Pool):
    """Processes that live until ``close``; idle ones block on their pipe.

    Raises
    ------
    UnavailableError
        If ``fork`` is asked for in a process with several threads: the child would inherit locks nobody releases.
    """

    def __init__(self, max_workers: int, cpus: int, start_method: str) -> None:
        super().__init__(max_workers, cpus)
        if start_method == "fork" and (threads := _threads_of_this_process()) > 1:
            raise UnavailableError(
                f"this process has {threads} threads and must not fork", "use --start-method forkserver or spawn"
            )
        context: Any = multiprocessing.get_context(start_method)
        tokens = None
        if self.barriers is None:
            pipes = [context.Pipe(duplex=False) for _ in range(max_workers + 1)]
            tokens = (pipes[0], pipes[1:])
        opened = clocks.wall_ns()
        self._processes, self._connections = [], []
        self._known: list[set[str]] = [set() for _ in range(max_workers)]
        for index in range(max_workers):
            ours, theirs = context.Pipe(duplex=True)
            process = context.Process(target=_process_worker.main, args=(theirs, index, tokens), daemon=True)
            process.start()
            theirs.close()
            self._processes.append(process)
            self._connections.append(ours)
        self.ready_ns = [received - opened for _, received in self.collect(max_workers)]

    def send(self, index: int, command: tuple[Any, ...]) -> None:
        try:
            self._connections[index].send(command)
        except OSError:
            raise WorkerDiedError(f"worker {index} {self._fate(index)}") from None

    def send_segment(self, index: int, key: str, segment: Segment) -> None:
        if key in self._known[index]:
            return
        self.send(index, ("segment", key, segment.nbytes))
        if HAS_MEMFD:
            reduction.send_handle(self._connections[index], segment.fd, self._processes[index].pid)
        else:
            self.send(index, segment.name)  # type: ignore[arg-type]
        self._known[index].add(key)

    def collect(self, workers: int) -> list[tuple[tuple[Any, ...], int]]:
        waiting: dict[Any, int] = {self._connections[index]: index for index in range(workers)}
        answers: dict[int, tuple[tuple[Any, ...], int]] = {}
        while waiting:
            for ready in cast("list[Any]", connection.wait(list(waiting))):
                index = waiting.pop(ready)
                try:
                    answers[index] = (ready.recv(), clocks.wall_ns())
                except (EOFError, OSError):
                    # The others may wait for it at a barrier for ever: whoever catches this closes the pool.
                    raise WorkerDiedError(f"worker {index} {self._fate(index)}") from None
        return [answers[index] for index in range(workers)]

    def _fate(self, index: int) -> str:
        process = self._processes[index]
        process.join(timeout=2)
        return describe_exit(process.exitcode)

    def close(self) -> None:
        for ours in self._connections:
            try:
                ours.send(("stop",))
            except OSError:
                pass
            ours.close()
        for process in self._processes:
            process.join(timeout=1)
            if process.is_alive():
                process.kill()
                process.join(timeout=5)
        self._connections, self._processes = [], []


def describe_exit(status: int | None) -> str:
    """Say in words how a process ended, from its exit status (negative: signal)."""
    if status is None:
        return "closed its pipe but did not end"
    if status < 0:
        try:
            name = signal.Signals(-status).name
        except ValueError:
            name = f"signal {-status}"
        return f"was killed by {name}"
    return f"ended with exit status {status}"


def _threads_of_this_process() -> int:
    """Number of native threads, where /proc tells; else 1."""
    try:
        return len(os.listdir("/proc/self/task"))
    except OSError:
        return 1


def open_pool(max_workers: int, cpus: int, start_method: str = "") -> ProcessPool:
    """Start ``max_workers`` processes by ``start_method`` (`default_start_method` when empty)."""
    return ProcessPool(max_workers, cpus, start_method or default_start_method())
