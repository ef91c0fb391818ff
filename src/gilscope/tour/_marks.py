"""What the marks of a program do while it runs: record on the lane of the running thread, process or task."""

from __future__ import annotations

import multiprocessing
import os
import sys
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any

from gilscope.core import clocks
from gilscope.core.trace import GIL_LANE, Category, Recorder

EVENTS_VARIABLE = "GILSCOPE_TOUR_EVENTS"
_told = Counter[tuple[str, str]]()
_log = Recorder(os.environ.get(EVENTS_VARIABLE, os.devnull))


def lane() -> str:
    """Return the name of the running task, thread or process; of the first ones it is ``main``."""
    asyncio, thread = sys.modules.get("asyncio"), threading.current_thread()
    if thread is not threading.main_thread():
        return thread.name
    if asyncio is not None and asyncio._get_running_loop() is not None:
        task = asyncio.current_task()
        name = "Task-1" if task is None else task.get_name()
        return "main" if name == "Task-1" else str(name)
    process = multiprocessing.current_process()
    return "main" if multiprocessing.parent_process() is None else process.name


def tell(target: str, text: str, times: int = 0) -> None:
    """Record a message to a lane; of several of the same text only the first ``times``, if not 0."""
    _told[target, text] += 1
    if not times or _told[target, text] <= times:
        source, _, target = target.rpartition(">")
        _log.tell(source or lane(), target, text)


def keep(name: str, value: Any) -> None:
    """Keep a JSON-able value."""
    _log.fact(name, value)


@contextmanager
def span(name: str, category: Category) -> Iterator[None]:
    """Record a span; of what computes also the CPU time, and how long the thread queued for a CPU."""
    if category == "gil":
        yield from _watched(name)
        return
    me = lane()
    queued_ns, cpu_ns = clocks.run_queue_ns(), clocks.thread_cpu_ns()
    with _log.span(me, name, category):
        yield
    if category == "compute":
        _log.fact(f"{me} cpu_ns", clocks.thread_cpu_ns() - cpu_ns)
        queue_end_ns = clocks.run_queue_ns()
        if queued_ns is not None and queue_end_ns is not None:
            _log.fact(f"{me} run_queue_ns", queue_end_ns - queued_ns)


def _watched(name: str) -> Iterator[None]:
    """Record who holds the GIL."""
    from gilscope.telemetry.gil import DIAGNOSTIC_RATE_HZ, GilMonitor

    with GilMonitor(DIAGNOSTIC_RATE_HZ, keep_holds=2000) as monitor:
        yield
    for hold in monitor.holds_kept:
        _log.did(GIL_LANE, hold.name, hold.start_ns, hold.end_ns, "gil")
    _log.fact(f"gil {name}", {"handovers": monitor.handovers, "per_s": monitor.handovers_per_s})


@contextmanager
def entering(recorded: AbstractContextManager[None], manager: AbstractContextManager[Any]) -> Iterator[Any]:
    """Enter a context within a span, and leave it afterwards."""
    with recorded:
        value = manager.__enter__()
    try:
        yield value
    finally:
        manager.__exit__(None, None, None)
