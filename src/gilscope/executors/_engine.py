"""Engines that are not ours: anything with the interface of ``concurrent.futures.Executor``, made by a factory.

Chunks are tasks, the data is in shared memory. What a task measures of its own thread is known (times, CPU, queueing);
what the engine does beside is dispatch.
"""

from __future__ import annotations

import concurrent.futures
import importlib
import inspect
import os
import pickle
import sys
from collections.abc import Callable, Sequence
from typing import Any

from gilscope.core import clocks
from gilscope.core.errors import UnavailableError, WorkerDiedError, one_line
from gilscope.core.spec import Availability, Impl
from gilscope.executors import _engine_worker, _engines, _task_worker
from gilscope.executors._rounds import Chunk, Task, job_of
from gilscope.executors._tasks import TaskSession

PREFIX = "futures:"
_HOLD_S = (0.05, 0.2, 1.0)
"""How long the tasks last that find out how many workers there are; twice as many as there should be."""
_SHORT_S = 0.001
_HOW = "a factory is called as factory(max_workers=2) and returns an executor with submit and shutdown"


def availability(impl: Impl, start_method: str = "") -> Availability:
    """An engine runs every chunked implementation; whether it starts, only starting it can tell."""
    return Availability(ok=True)


def factory_of(executor: str) -> Callable[..., Any]:
    """Import the factory that ``futures:module:factory`` or ``futures:name`` means, from the current folder too.

    Raises UnavailableError with the reason where there is none that can be called with ``max_workers``.
    """
    try:
        module, _, name = _engines.address_of(executor.removeprefix(PREFIX)).partition(":")
    except LookupError as error:
        raise UnavailableError(f"{executor}: {error}", "write it like futures:pkg.module:factory") from None
    if os.getcwd() not in sys.path:
        sys.path.insert(0, os.getcwd())
    try:
        found = importlib.import_module(module)
    except Exception as error:  # noqa: BLE001 - a module may raise anything
        raise UnavailableError(f"{executor}: importing {module} raised {one_line(error)}") from None
    factory: Callable[..., Any] | None = getattr(found, name, None)
    if factory is None:
        raise UnavailableError(f"{executor}: {module} has no {name}", _HOW)
    if not callable(factory):
        raise UnavailableError(f"{executor}: {name} is {type(factory).__name__}, not a function", _HOW)
    try:
        inspect.signature(factory).bind(max_workers=2)
    except TypeError as error:
        raise UnavailableError(f"{executor}: {name}(max_workers=2) fails: {error}", _HOW) from None
    except ValueError:  # compiled, without a signature
        pass
    return factory


def start(executor: str, workers: int) -> Any:
    """Call the factory, and return what it made once every worker has done a task.

    Raises UnavailableError where that is no executor, has not so many workers, or they cannot be used.
    """
    factory = factory_of(executor)
    try:
        pool = factory(max_workers=workers)
    except Exception as error:  # noqa: BLE001 - as above
        raise UnavailableError(f"{executor}: its factory raised {one_line(error)}") from None
    if not (callable(getattr(pool, "submit", None)) and callable(getattr(pool, "shutdown", None))):
        raise UnavailableError(f"{executor}: its factory returned {type(pool).__name__}, not an executor", _HOW)
    try:
        _examine(executor, pool, workers)
    except BaseException:
        pool.shutdown()
        raise
    return pool


def _examine(executor: str, pool: Any, workers: int) -> None:
    """Raise UnavailableError if workers are too many or too few, or cannot be used."""
    places: dict[str, _engine_worker.Place] = {}
    for hold_s in _HOLD_S:
        try:
            found = answers(executor, [(pool.submit, _engine_worker.hold, hold_s)] * (2 * workers))
        except WorkerDiedError as error:
            raise UnavailableError(str(error), "its workers need the same Python and gilscope") from None
        places |= {f"{place.pid}.{place.thread}": place for place in found}
        if len(places) >= workers:
            break
    ours = _engine_worker.here()
    for place in places.values():
        if place.machine != ours.machine:
            cure = "measure on one machine; for Dask there is --dask-scheduler"
            raise UnavailableError(f"{executor}: a worker is on another machine, whose clock is another", cure)
        if place[1:3] != ours[1:3]:
            theirs = f"{executor}: a worker has Python {place.python} with gilscope {place.gilscope}"
            raise UnavailableError(f"{theirs}, this is {ours.python} with {ours.gilscope}")
    if len(places) != workers:
        reason = f"{executor}: {len(places)} worker{'s' * (len(places) != 1)} did tasks instead of {workers}"
        raise UnavailableError(reason, f"start max_workers workers, of one thread each; {_HOW}")


def started(executor: str, factory: Callable[..., Any], workers: int) -> Any:
    """Call a factory that was tried out before; return the executor once every worker has done a short task."""
    pool, seen = factory(max_workers=workers), set[tuple[int, int]]()
    while len(seen) < workers:
        found = answers(executor, [(pool.submit, _engine_worker.hold, _SHORT_S)] * workers)
        seen |= {(place.pid, place.thread) for place in found}
    return pool


def problem(executor: str, workers: int) -> list[str]:
    """Try an engine out and end it; return reason and fix of what is wrong with it, both empty if nothing is."""
    try:
        start(executor, workers).shutdown()
    except UnavailableError as error:
        return [error.reason, error.cure]
    return ["", ""]


class EnginePool:
    """An engine started for one worker count, and the time it took until every worker had done a task."""

    def __init__(self, executor: str, max_workers: int) -> None:
        before = clocks.wall_ns()
        self.name = executor
        self.executor = start(executor, max_workers)
        self.ready_ns = max(0, clocks.wall_ns() - before - int(2 * _HOLD_S[0] * 1e9))

    def bind(self, task: Task) -> EngineSession:
        """Make a case ready in all workers."""
        return EngineSession(self, task)

    def close(self) -> None:
        """End the engine. Idempotent."""
        self.executor.shutdown(wait=True)


class EngineSession(TaskSession):
    """A case in an engine's workers, be they threads or processes."""

    def __init__(self, pool: EnginePool, task: Task) -> None:
        self._pool = pool
        segment = task.segment
        memory = _task_worker.ParentMemory(nbytes=segment.nbytes, pid=os.getpid(), fd=segment.fd, name=segment.name)
        super().__init__(task, pool.ready_ns, [pickle.dumps((job_of(copy), memory)) for copy in task.copies])
        self.placed = [{"process": int(worker.partition(".")[0])} for worker in self.workers]

    def submit_warm(self, hold_s: float) -> list[_task_worker.Answer]:
        submit, make_ready, workers = self._pool.executor.submit, _engine_worker.make_ready, self.task.case.workers
        return answers(self._pool.name, [(submit, make_ready, *self.jobs[0], hold_s)] * workers)

    def run_phase(self, phase: int, work: Sequence[tuple[int, Chunk]]) -> list[_task_worker.Answer]:
        submit, jobs, run = self._pool.executor.submit, self.jobs, _engine_worker.run
        tasks: list[tuple[Any, ...]] = [(submit, run, *jobs[copy], phase, ((chunk, [], []),)) for copy, chunk in work]
        return answers(self._pool.name, tasks)


def answers(executor: str, tasks: Sequence[tuple[Any, ...]]) -> list[Any]:
    """Submit tasks, ``(submit, function, *arguments)`` each, none of which raises, and wait for all.

    WorkerDiedError for what the engine raises instead of taking or doing one.
    """
    try:
        futures = [submit(*task) for submit, *task in tasks]
        return [future.result() for future in futures]
    except (Exception, concurrent.futures.CancelledError) as error:  # noqa: BLE001 - an engine may raise anything
        raise WorkerDiedError(f"{executor} did not do a task: {one_line(error)}") from None


def open_pool(max_workers: int, cpus: int, start_method: str = "", *, executor: str) -> EnginePool:
    """Start the engine."""
    return EnginePool(executor, max_workers)
