"""What the means of synchronization cost: per operation alone, and with two threads that want the same one."""

from __future__ import annotations

import queue
import statistics
import threading
from collections.abc import Callable
from typing import Any

from gilscope.core import clocks
from gilscope.core.trace import Recorder, Trace, duration
from gilscope.tour._model import Experiment, Figure, Verdict

__all__ = ["EXPERIMENT"]

_BATCH = 500  # operations between two looks at the clock, which costs some 0.1 us itself
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


def time_batches(operation: Callable[[], Any]) -> float:
    """Return nanoseconds per operation: the median over batches."""
    spent = []
    for _ in range(_BATCHES):
        begun = clocks.wall_ns()
        for _ in range(_BATCH):
            operation()
        spent.append((clocks.wall_ns() - begun) / _BATCH)
    return statistics.median(spent)


def time_contended(operation: Callable[[], Any]) -> float:
    """Return nanoseconds per operation while a second thread does the same all the time."""
    stop = threading.Event()

    def rival() -> None:
        while not stop.is_set():
            operation()

    thread = threading.Thread(target=rival)
    thread.start()
    try:
        return time_batches(operation)
    finally:
        stop.set()
        thread.join()


def time_barrier() -> float:
    """Return nanoseconds per meeting of two threads."""
    meeting = threading.Barrier(2)

    def meet() -> None:
        for _ in range(_MEETINGS):
            meeting.wait()

    other = threading.Thread(target=meet)
    other.start()
    begun = clocks.wall_ns()
    meet()
    spent = (clocks.wall_ns() - begun) / _MEETINGS
    other.join()
    return spent


def prices(log: Recorder) -> dict[str, dict[str, float]]:
    """Time each operation alone and against a rival."""
    found: dict[str, dict[str, float]] = {}
    for name, operation in operations().items():
        with log.span("main", f"{name} alone"):
            alone = time_batches(operation)
        with log.span("main", f"{name} with a rival"):
            found[name] = {"alone": alone, "rival": time_contended(operation)}
    with log.span("main", "Barrier"):
        found["Barrier"] = {"rival": time_barrier()}
    return found


def _judge(trace: Trace, facts: Any) -> Verdict:
    lock, heavy = facts["Lock"]["alone"], facts["Queue"]["alone"]
    return Verdict(
        holds=lock < heavy,
        seen=f"Taking and giving back a Lock took {duration(lock)}, putting into and getting from a Queue "
        f"{duration(heavy)}, a meeting of two at a Barrier {duration(facts['Barrier']['rival'])}.",
        figures=tuple(
            Figure(name=f"{name}, {'alone' if kind == 'alone' else 'with a rival'}", value=value / 1e9, unit="s")
            for name, found in facts.items()
            for kind, value in found.items()
        ),
    )


EXPERIMENT = Experiment(
    name="prices",
    title="What they cost",
    text="Each operation many times by one thread alone, then while a second thread does the same: two calls of Python "
    "functions are part of every figure. A barrier always needs two.",
    shown=(pair_of, operations, time_batches, time_contended, time_barrier),
    program=prices,
    claim="A plain lock costs less than a queue, which is made of locks.",
    judge=_judge,
)
