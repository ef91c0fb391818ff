"""What the programs of the tour do: sleep, and count in Python. Sub-interpreters import it, so it imports little."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from gilscope.core import clocks
from gilscope.core.trace import Recorder

NAP_S = 0.1
TIMEOUT_S = 60.0  # no worker of the tour takes longer, on whatever machine
COUNT_TO = 3_000_000  # some 0.1 s: twenty switch intervals


def nap(log: Recorder, me: str) -> None:
    """Sleep, and say so."""
    with log.span(me, "asleep", "sleep"):
        time.sleep(NAP_S)
    log.tell(me, "main", "done")


def count(log: Recorder, me: str) -> None:
    """Count in Python, which needs a CPU all the time."""
    with metered(log, me, "counting"):
        number = 0
        while number < COUNT_TO:
            number += 1
    log.tell(me, "main", "done")


@contextmanager
def metered(log: Recorder, me: str, name: str) -> Iterator[None]:
    """Record a span of the calling thread, its CPU time, and how long it queued for a CPU."""
    queued_ns, cpu_ns = clocks.run_queue_ns(), clocks.thread_cpu_ns()
    with log.span(me, name):
        yield
    log.fact(f"{me} cpu_ns", clocks.thread_cpu_ns() - cpu_ns)
    queue_end_ns = clocks.run_queue_ns()
    if queued_ns is not None and queue_end_ns is not None:
        log.fact(f"{me} run_queue_ns", queue_end_ns - queued_ns)


def begin(work: Callable[[Recorder, str], None], log: Recorder, me: str, started_ns: int, together: Any) -> None:
    """Do the work in a process of its own, as soon as the others are there too."""
    log.did(me, "start", started_ns, clocks.wall_ns(), "start")
    with log.span(me, "wait for the others", "barrier"):
        together.wait(TIMEOUT_S)
    work(log, me)
