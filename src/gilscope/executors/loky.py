"""The reusable executor of loky, which joblib uses: chunks are tasks, the data is in shared memory."""

from __future__ import annotations

import importlib
import importlib.util
import os
import pickle
import re
import time
from collections.abc import Iterable, Sequence
from concurrent.futures import BrokenExecutor
from typing import Any

from gilscope.core import clocks
from gilscope.core.errors import MeasurementError, WorkerDiedError
from gilscope.core.spec import Availability, Impl
from gilscope.executors import _task_worker
from gilscope.executors._rounds import Chunk, Task, job_of
from gilscope.executors._shm import why_not_started
from gilscope.executors._tasks import TaskSession
from gilscope.executors.processes import describe_exit

_PACKAGES = ("loky", "joblib.externals.loky")  # joblib brings its own copy
_EXIT_CODE = re.compile(r"exit codes? of the workers? (?:is|are) \{.*?\((-?\d+)\)")  # {SIGKILL(-9)}: the first one


def availability(impl: Impl, start_method: str = "") -> Availability:
    """Loky runs every chunked implementation where it or joblib is installed."""
    if any(map(_is_here, _PACKAGES)):
        return Availability(ok=True)
    return Availability(ok=False, reason="loky is not installed", cure="Install it with: pip install 'gilscope[loky]'")


def _is_here(name: str) -> bool:
    return importlib.util.find_spec(name.partition(".")[0]) is not None


class LokyPool:
    """A reusable executor of as many processes as the case has workers.

    All processes take tasks, so cases of another worker count need a pool, hence a runner, of their own.
    """

    def __init__(self, max_workers: int, cpus: int, start_method: str = "") -> None:
        module: Any = importlib.import_module(next(filter(_is_here, _PACKAGES)))
        opened = clocks.wall_ns()
        try:  # without a time-out idle workers stay, as those of the other executors do
            self.executor: Any = module.get_reusable_executor(max_workers=max_workers, timeout=None)
        except OSError as error:
            raise MeasurementError(why_not_started("loky", error)) from None
        answers([self.executor.submit(time.sleep, 0.02) for _ in range(max_workers)])  # each starts a worker
        self.ready_ns = clocks.wall_ns() - opened

    def bind(self, task: Task) -> LokySession:
        """Make a case ready in all processes."""
        return LokySession(self.executor, self.ready_ns, task)

    def close(self) -> None:
        """End the processes. Idempotent."""
        self.executor.shutdown(wait=True, kill_workers=True)


class LokySession(TaskSession):
    """A case in loky's processes, which drop what they have not used for long."""

    def __init__(self, executor: Any, ready_ns: int, task: Task) -> None:
        self._executor = executor
        segment = task.segment
        memory = _task_worker.ParentMemory(nbytes=segment.nbytes, pid=os.getpid(), fd=segment.fd, name=segment.name)
        blobs = [pickle.dumps((job_of(copy), memory)) for copy in task.copies]
        super().__init__(task, ready_ns, blobs)
        self.placed = task.placed
        for worker, place in zip(self.workers, self.placed, strict=False):
            os.sched_setaffinity(int(worker), {place["cpu"]})  # the main thread, which does the tasks

    def submit_warm(self, hold_s: float) -> list[_task_worker.Answer]:
        submit, make_ready, workers = self._executor.submit, _task_worker.make_ready, range(self.task.case.workers)
        return answers([submit(make_ready, *self.jobs[0], None, hold_s) for _ in workers])

    def run_phase(self, phase: int, work: Sequence[tuple[int, Chunk]]) -> list[_task_worker.Answer]:
        submit, jobs, run = self._executor.submit, self.jobs, _task_worker.run
        return answers([submit(run, *jobs[copy], None, phase, ((chunk, [], []),)) for copy, chunk in work])


def answers(futures: Iterable[Any]) -> list[Any]:
    """Wait for tasks; WorkerDiedError if a process ended, after which loky ends the others."""
    try:
        return [future.result() for future in futures]
    except BrokenExecutor as error:
        raise WorkerDiedError(f"a loky worker {how_it_ended(str(error))}") from None


def how_it_ended(message: str) -> str:
    """Say how the first worker ended, from loky's message.

    The message is not part of loky's interface: if it has no exit code in the known form, its first line is quoted.
    """
    if code := _EXIT_CODE.search(message):
        return describe_exit(int(code[1]))
    return f"ended: {message.strip().partition(chr(10))[0] or 'loky gives no reason'}"


open_pool = LokyPool
