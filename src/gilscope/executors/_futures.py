"""The pools of ``concurrent.futures`` as they are: submit every chunk of a phase, wait for all, then the next phase.

References for the cost of handing out tasks: only partial results come back, so a kernel's answer cannot be in buffers.
"""

from __future__ import annotations

import concurrent.futures
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any

from gilscope.core import clocks, targets
from gilscope.core.errors import UnavailableError, WorkerDiedError, WorkerRaisedError
from gilscope.core.records import Round
from gilscope.core.spec import chunk_bounds
from gilscope.executors import Session
from gilscope.executors._rounds import Task, outside, since

_STARTING_S = 0.02  # the first tasks keep each worker busy for so long, so that all of them are started

_of_this_thread = threading.local()  # functions and buffers: threads that shared buffer objects would contend for them


class FuturesPool:
    """Executors of the standard library, one per worker count, made by ``make(workers)``."""

    def __init__(self, make: Callable[[int], concurrent.futures.Executor]) -> None:
        self._make = make
        self._made: dict[int, tuple[concurrent.futures.Executor, int]] = {}

    def bind(self, task: Task) -> FuturesSession:
        """Make a case ready, or raise UnavailableError if the answer of its kernel is in buffers."""
        if task.spec.outputs(task.params):
            raise UnavailableError(f"the answer of {task.spec.name} lies in buffers, which no task brings back")
        workers = task.case.workers
        if workers not in self._made:
            before = clocks.wall_ns()
            pool = self._make(workers)
            concurrent.futures.wait([pool.submit(time.sleep, _STARTING_S) for _ in range(workers)])
            self._made[workers] = (pool, clocks.wall_ns() - before - int(_STARTING_S * 1e9))
        pool, start_ns = self._made[workers]
        return FuturesSession(pool, task, max(0, start_ns))

    def close(self) -> None:
        """End all workers. Idempotent."""
        for pool, _ in self._made.values():
            pool.shutdown(cancel_futures=True)
        self._made.clear()


class FuturesSession(Session):
    """A case in an executor of the standard library."""

    jit_cache = "none"

    def __init__(self, pool: concurrent.futures.Executor, task: Task, start_ns: int) -> None:
        super().__init__()
        self._pool, self._task = pool, task
        self.isa = targets.isa_of(task.target)
        self.one_time_ns = {"start": start_ns}
        self._phases = task.spec.phases(task.params)
        self._bounds = chunk_bounds(task.spec.extent(task.params), task.case.chunks)
        self._params = dict(task.params)

    def run_round(self, repeats: int, limit: int | None = None) -> Round:
        """See ``Session``; the round lasts from the first submit to the last result."""
        bounds = self._bounds if limit is None else self._bounds[: limit * self._task.case.workers]
        before, start_ns = outside(), clocks.wall_ns()
        try:
            for _ in range(repeats):
                self.result = self._once(bounds)
        except concurrent.futures.BrokenExecutor as error:
            raise WorkerDiedError(f"{self._task.case.id}: {error}") from None
        except Exception as error:
            raise WorkerRaisedError(f"{self._task.case.id} raised {error!r}") from error
        return Round(repeats=repeats, start_ns=start_ns, end_ns=clocks.wall_ns(), **since(before))

    def _once(self, bounds: tuple[tuple[int, int], ...]) -> Any:
        submit, task, params = self._pool.submit, self._task, self._params
        partials: list[Any] = []
        for phase in range(self._phases):
            futures = [submit(call, task.target, phase, lo, hi, params, task.layout) for lo, hi in bounds]
            partials += [future.result() for future in futures]
        return task.spec.combine(task.params, partials)


def call(target: str, phase: int, lo: int, hi: int, params: Mapping[str, int], layout: targets.Layout) -> Any:
    """Do a chunk on buffers of the worker's own."""
    known: dict[tuple[str, targets.Layout], Any] = _of_this_thread.__dict__.setdefault("known", {})
    key = (target, layout)
    if key not in known:
        known[key] = targets.resolve(target), targets.views(bytearray(layout[0]), layout)
    function, buffers = known[key]
    return function(phase, lo, hi, params, buffers)
