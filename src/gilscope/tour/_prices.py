"""What the means of synchronization cost: per operation alone, and with two threads that want the same one."""

from __future__ import annotations

import queue
import statistics
import threading
import timeit
from collections.abc import Callable
from typing import Any

from gilscope.core import clocks
from gilscope.core.trace import Recorder, Trace, duration
from gilscope.tour._model import Experiment, Judgement, seconds

_BATCH = 500  # operations between two readings of the clock, which costs some 0.1 us itself
_BATCHES = 9
_MEETINGS = 50


def pair_of(take: Callable[[], Any], give: Callable[[], Any]) -> Callable[[], None]:
    """Return the operation that takes and gives back."""

    def both() -> None:
        take()
        give()

    return both


def operations() -> dict[str, Callable[[], Any]]:
    """Return one operation of each kind that a single thread can do without waiting."""
    lock, again, gate, changed = threading.Lock(), threading.RLock(), threading.Semaphore(), threading.Condition()
    ready, simple, belt = threading.Event(), queue.SimpleQueue[int](), queue.Queue[int]()
    return {
        "Lock": pair_of(lock.acquire, lock.release),
        "RLock": pair_of(again.acquire, again.release),
        "Semaphore": pair_of(gate.acquire, gate.release),
        "Condition": pair_of(changed.acquire, changed.release),
        "Event": pair_of(ready.set, ready.clear),
        "SimpleQueue": pair_of(lambda: simple.put(1), simple.get),
        "Queue": pair_of(lambda: belt.put(1), belt.get),
    }


def time_alone(operation: Callable[[], Any]) -> float:
    """Return nanoseconds per operation: the median over batches."""
    batches = timeit.repeat(operation, timer=clocks.wall_ns, repeat=_BATCHES, number=_BATCH)
    return statistics.median(batches) / _BATCH


def time_contended(operation: Callable[[], Any]) -> float:
    """Return nanoseconds per operation while a second thread does the same all the time."""
    stop = threading.Event()

    def rival() -> None:
        while not stop.is_set():
            operation()

    thread = threading.Thread(target=rival)
    thread.start()
    try:
        return time_alone(operation)
    finally:
        stop.set()
        thread.join()


def time_barrier() -> float:
    """Return nanoseconds per meeting of two threads."""
    meeting = threading.Barrier(2)

    def meet() -> float:
        return timeit.timeit(meeting.wait, timer=clocks.wall_ns, number=_MEETINGS) / _MEETINGS

    other = threading.Thread(target=meet)
    other.start()
    spent = meet()
    other.join()
    return spent


def prices(log: Recorder) -> dict[str, dict[str, float]]:
    """Time each operation alone and against a rival."""
    found: dict[str, dict[str, float]] = {}
    for name, operation in operations().items():
        with log.span("main", f"{name} alone"):
            alone = time_alone(operation)
        with log.span("main", f"{name} with a rival"):
            found[name] = {"alone": alone, "with a rival": time_contended(operation)}
    with log.span("main", "Barrier"):
        found["Barrier"] = {"with a rival": time_barrier()}
    return found


def _judge(trace: Trace, result: Any) -> Judgement:
    lock, heavy, meeting = result["Lock"]["alone"], result["Queue"]["alone"], result["Barrier"]["with a rival"]
    observed = (
        f"Taking and giving back a Lock took {duration(lock)}, putting into and getting from a Queue "
        f"{duration(heavy)}, a meeting of two at a Barrier {duration(meeting)}."
    )
    figures = (seconds(f"{name}, {kind}", ns) for name, found in result.items() for kind, ns in found.items())
    return Judgement(lock < heavy, observed, tuple(figures))


EXPERIMENT = Experiment(
    title="What they cost",
    text="Each operation many times by one thread alone, then while a second thread does the same: two calls of Python "
    "functions are part of every figure. A barrier always needs two.",
    shown=(pair_of, operations, time_alone, time_contended, time_barrier),
    program=prices,
    claim="A plain lock costs less than a queue, which is made of locks.",
    judge=_judge,
)
