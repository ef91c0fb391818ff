"""A look at one of the user's own functions, in the runner it will be measured in: a few calls that are not counted."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import sys
import tempfile
from collections.abc import Iterator
from concurrent.futures import Executor, ProcessPoolExecutor, ThreadPoolExecutor
from pathlib import Path
from typing import Any

from gilscope.core import clocks
from gilscope.core.cases import Case
from gilscope.core.pep734 import pool_class
from gilscope.kernels._calls import Calls
from gilscope.telemetry.gil import DIAGNOSTIC_RATE_HZ, GilMonitor

__all__ = ["available_bytes", "bound_memory", "examine", "hand_over"]

_LOOK_S = 0.15  # of calls under the GIL probe: at 2 kHz a share to five points
_MOST_CALLS = 1 << 20
_HAND_OVERS, _HANDED = 5, 200  # runs, and tasks in each
_GROUPS = Path("/sys/fs/cgroup")
_LIMITS = (  # limit, what is used, and how memory.stat marks what is counted so: cgroup v2 and v1
    ("memory.max", "memory.current", ""),
    ("memory/memory.limit_in_bytes", "memory/memory.usage_in_bytes", "total_"),
)


def examine(calls: Calls) -> dict[str, Any]:
    """Call a function for a moment and say what it does: the fields of ``own.Examined`` but for what went wrong."""
    before_bytes = _peak_bytes()
    with _printed(1) as printed, _printed(2) as complained:
        calls(0, 0, 1, {}, {})
    peak_bytes = _peak_bytes() - before_bytes
    moved = calls.moves
    call_s = _seconds_per_call(calls)
    count = max(1, min(_MOST_CALLS, round(_LOOK_S / call_s)))
    all_ns, own_ns = clocks.process_cpu_ns(), clocks.thread_cpu_ns()
    with GilMonitor(DIAGNOSTIC_RATE_HZ) as monitor:
        calls.run(0, count)
    all_ns, own_ns = clocks.process_cpu_ns() - all_ns, clocks.thread_cpu_ns() - own_ns
    seen = monitor.to_dict()
    held = seen.get("held", {}).get("value") if seen["available"] else None
    return {
        "call_s": call_s,
        "items": len(calls.items) if calls.items is not None else 0,
        "held": held,
        "peak_bytes": max(0, peak_bytes),
        "printed_bytes": printed[0],
        "complained_bytes": complained[0],
        "moves": moved,
        "busy": all_ns / max(1, own_ns),
        "pools": _pools(),
    }


def hand_over(case: Case) -> float:
    """Measure what one task costs a pool of ``concurrent.futures`` beside its work, in seconds.

    Notes
    -----
    Tasks that do nothing, one by one, in the steady state: the smallest of a few runs, because what is wanted is the
    price and not the scatter.
    """
    with _pool(case) as pool:
        list(pool.map(abs, range(case.workers * 8)))
        spent_ns = []
        for _ in range(_HAND_OVERS):
            begin = clocks.wall_ns()
            list(pool.map(abs, range(_HANDED)))
            spent_ns.append(clocks.wall_ns() - begin)
    return min(spent_ns) / _HANDED / 1e9


def _pool(case: Case) -> Executor:
    """Return the pool of ``concurrent.futures`` that is like the executor of a case."""
    if case.executor == "threads":
        return ThreadPoolExecutor(case.workers)
    if case.executor == "processes":
        return ProcessPoolExecutor(case.workers, multiprocessing.get_context(case.start_method))
    pool: Executor = pool_class()(case.workers)
    return pool


def _seconds_per_call(calls: Calls) -> float:
    """Time more and more calls, until they take a good part of the look; a long call is timed once."""
    count = 1
    while True:
        begin = clocks.wall_ns()
        calls.run(0, count)
        spent_s = (clocks.wall_ns() - begin) / 1e9
        if spent_s >= _LOOK_S / 4 or count >= _MOST_CALLS:
            return max(spent_s / count, 1e-9)
        count *= 4


def _peak_bytes() -> int:
    """Largest resident size so far; 0 where the system does not tell."""
    try:
        import resource
    except ImportError:
        return 0
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


def bound_memory(most_bytes: int | None = None) -> None:
    """Let allocations of this process and its children beyond a limit fail, so that nobody else is killed for them.

    Parameters
    ----------
    most_bytes : int, optional
        Of private memory per process; without it, what is free on the machine. A limit that is there is only lowered.

    Notes
    -----
    RLIMIT_DATA counts private writable mappings since Linux 4.7; shared inputs and outputs do not count.
    """
    wanted = available_bytes() if most_bytes is None else most_bytes
    if wanted is None or sys.platform != "linux":
        return
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_DATA)
    known = [limit for limit in (soft, hard) if limit != resource.RLIM_INFINITY]
    resource.setrlimit(resource.RLIMIT_DATA, (min([wanted, *known]), hard))


def available_bytes(groups: Path = _GROUPS) -> int | None:
    """Memory that can be had without swapping, within the cgroup's limit; None where the system does not tell.

    Notes
    -----
    What a group keeps of files counts as used there, and is given back when somebody needs it: it is free here.
    """
    try:
        free = int(_fields(Path("/proc/meminfo"))["MemAvailable:"]) * 1024
    except (OSError, KeyError, ValueError):
        return None
    left = [_left_bytes(groups / limit, groups / used, mark) for limit, used, mark in _LIMITS]
    return max(0, min([free, *(nbytes for nbytes in left if nbytes is not None)]))


def _left_bytes(limit: Path, used: Path, mark: str) -> int | None:
    """Return what a group may still take; None where it has no limit."""
    try:
        kept = _fields(limit.parent / "memory.stat")
        files = sum(int(kept.get(f"{mark}{kind}_file", 0)) for kind in ("inactive", "active"))
        return int(limit.read_text()) - int(used.read_text()) + files
    except (OSError, ValueError):
        return None


def _fields(path: Path) -> dict[str, str]:
    """Return the second word of each line by the first."""
    return {words[0]: words[1] for words in map(str.split, path.read_text().splitlines()) if len(words) > 1}
