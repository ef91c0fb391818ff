"""Examines one of the user's own functions in the runner it will be measured in: a few calls that are not counted."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import sys
import tempfile
from collections.abc import Iterator
from concurrent.futures import Executor, ProcessPoolExecutor, ThreadPoolExecutor
from typing import Any

from gilscope.core import clocks
from gilscope.core.cases import Case
from gilscope.core.pep734 import pool_class
from gilscope.kernels._calls import Calls
from gilscope.telemetry.gil import DIAGNOSTIC_RATE_HZ, GilMonitor

__all__ = ["examine", "hand_over"]

_PROBED_S = 0.15  # of calls under the GIL probe: at 2 kHz a share to five points
_MOST_CALLS = 1 << 20
_RUNS, _TASKS = 5, 200  # of hand-overs


def examine(calls: Calls) -> dict[str, Any]:
    """Call a function for a moment and return the fields of ``kernels.user.Examined``, except for failures."""
    before_bytes = _peak_bytes()
    with _printed(1) as printed, _printed(2) as complained:
        calls(0, 0, 1, {}, {})
    peak_bytes = _peak_bytes() - before_bytes
    moved = calls.moves
    call_s = _seconds_per_call(calls)
    count = max(1, min(_MOST_CALLS, round(_PROBED_S / call_s)))
    all_ns, own_ns = clocks.process_cpu_ns(), clocks.thread_cpu_ns()
    with GilMonitor(DIAGNOSTIC_RATE_HZ) as monitor:
        calls.run(0, count)
    all_ns, own_ns = clocks.process_cpu_ns() - all_ns, clocks.thread_cpu_ns() - own_ns
    gil = monitor.to_dict()
    return {
        "call_s": call_s,
        "items": len(calls.items) if calls.items is not None else 0,
        "held": gil.get("held", {}).get("value") if gil["available"] else None,
        "peak_bytes": max(0, peak_bytes),
        "printed_bytes": printed[0],
        "complained_bytes": complained[0],
        "moves": moved,
        "busy": all_ns / max(1, own_ns),
        "pools": _pools(),
    }


def hand_over(case: Case) -> float:
    """Measure what one task costs a pool of ``concurrent.futures`` beside its work, in seconds.

    Empty tasks, one by one, in the steady state; the minimum of a few runs, because the cost is wanted without the
    scatter.
    """
    with _pool(case) as pool:
        list(pool.map(abs, range(case.workers * 8)))
        spent_ns = []
        for _ in range(_RUNS):
            begin = clocks.wall_ns()
            list(pool.map(abs, range(_TASKS)))
            spent_ns.append(clocks.wall_ns() - begin)
    return min(spent_ns) / _TASKS / 1e9


def _pool(case: Case) -> Executor:
    """Return the pool of ``concurrent.futures`` that resembles the executor of a case."""
    if case.executor == "threads":
        return ThreadPoolExecutor(case.workers)
    if case.executor == "processes":
        return ProcessPoolExecutor(case.workers, multiprocessing.get_context(case.start_method))
    pool: Executor = pool_class()(case.workers)
    return pool


def _seconds_per_call(calls: Calls) -> float:
    """Time more and more calls, until they take a fair part of the probed time; a long call is timed once."""
    count = 1
    while True:
        begin = clocks.wall_ns()
        calls.run(0, count)
        spent_s = (clocks.wall_ns() - begin) / 1e9
        if spent_s >= _PROBED_S / 4 or count >= _MOST_CALLS:
            return max(spent_s / count, 1e-9)
        count *= 4


def _peak_bytes() -> int:
    """Largest resident size so far."""
    import resource  # on POSIX alone, where runners run

    unit = 1 if sys.platform == "darwin" else 1024  # man getrusage: bytes on macOS, KiB on Linux
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


@contextlib.contextmanager
def _printed(number: int) -> Iterator[list[int]]:
    """Count the bytes written to standard output (1) or error (2), by C code too."""
    counted, stream = [0], (sys.stdout, sys.stderr)[number - 1]
    stream.flush()
    kept = os.dup(number)
    try:
        with tempfile.TemporaryFile() as file:
            os.dup2(file.fileno(), number)
            try:
                yield counted
                stream.flush()
                counted[0] = os.fstat(number).st_size
            finally:
                os.dup2(kept, number)
    finally:
        os.close(kept)


def _pools() -> list[str]:
    """Name the native thread pools that are loaded; Numba's is known only by its module."""
    found = ["numba"] if "numba" in sys.modules else []
    try:
        import threadpoolctl
    except ImportError:
        return found
    return [*dict.fromkeys(entry["internal_api"] for entry in threadpoolctl.threadpool_info()), *found]
