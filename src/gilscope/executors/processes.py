"""Processes, started by fork, forkserver or spawn; data in shared memory, or pickled through pipes."""

import contextlib
import multiprocessing
import os
import signal
from multiprocessing import reduction
from typing import Any

from gilscope.core import clocks
from gilscope.core.errors import UnavailableError
from gilscope.core.spec import Availability, Impl
from gilscope.executors import _process_worker
from gilscope.executors._pool import PipedPool
from gilscope.executors._shm import HAS_MEMFD, Segment

_TASKS = "/proc/self/task"  # has an entry per native thread


def availability(impl: Impl, start_method: str = "") -> Availability:
    """Processes run every chunked implementation, where the platform has the start method."""
    known = multiprocessing.get_all_start_methods()
    if start_method and start_method not in known:
        reason = f"this platform cannot start processes by {start_method}"
        return Availability(ok=False, reason=reason, cure=f"use --start-method {known[0]}")
    return Availability(ok=True)


def default_start_method() -> str:
    """Forkserver where the platform has it, else spawn."""
    return "forkserver" if "forkserver" in multiprocessing.get_all_start_methods() else "spawn"


class ProcessPool(PipedPool):
    """Processes that live until ``close``; idle ones block on their pipe.

    Raises UnavailableError for ``fork`` in a process with several threads: the child would inherit locks that no thread
    releases.
    """

    def __init__(self, max_workers: int, cpus: int, start_method: str = "") -> None:
        super().__init__(max_workers, cpus)
        start_method = start_method or default_start_method()
        threads = len(os.listdir(_TASKS)) if os.path.isdir(_TASKS) else 1
        if start_method == "fork" and threads > 1:
            reason = f"this process has {threads} threads and must not fork"
            raise UnavailableError(reason, "use --start-method forkserver or spawn")
        context: Any = multiprocessing.get_context(start_method)
        tokens = self.token_pipes(context.Pipe)
        opened = clocks.wall_ns()
        self._processes = []
        for index in range(max_workers):
            ours, theirs = context.Pipe(duplex=True)
            process = context.Process(target=_process_worker.main, args=(theirs, index, tokens), daemon=True)
            process.start()
            theirs.close()
            self._processes.append(process)
            self.pipes.append(ours)
        self.ready_ns = [received - opened for _, received in self.collect(max_workers)]

    def write(self, index: int, message: Any) -> None:
        self.pipes[index].send(message)

    def read(self, pipe: Any) -> Any:
        return pipe.recv()

    def hand_over(self, index: int, segment: Segment) -> None:
        if HAS_MEMFD:
            reduction.send_handle(self.pipes[index], segment.fd, self._processes[index].pid)
        else:
            self.write(index, segment.name)

    def fate(self, index: int) -> str:
        process = self._processes[index]
        process.join(timeout=2)
        return describe_exit(process.exitcode)

    def close(self) -> None:
        for ours in self.pipes:
            with contextlib.suppress(OSError):
                ours.send(("stop",))
            ours.close()
        for process in self._processes:
            process.join(timeout=1)
            if process.is_alive():
                process.kill()
                process.join(timeout=5)
        self.pipes, self._processes = [], []


def describe_exit(status: int | None) -> str:
    """Say how a process ended, from its exit status (negative: signal)."""
    if status is None:
        return "closed its pipe but did not end"
    if status >= 0:
        return f"ended with exit status {status}"
    names = {number.value: number.name for number in signal.Signals}
    return f"was killed by {names.get(-status, f'signal {-status}')}"


open_pool = ProcessPool
