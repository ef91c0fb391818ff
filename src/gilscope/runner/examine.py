"""Examines one of the user's own functions in the runner it will be measured in: a few calls that are not counted."""

from __future__ import annotations

import contextlib
import inspect
import io
import math
import multiprocessing
import os
import pickle
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Executor, ProcessPoolExecutor, ThreadPoolExecutor
from dataclasses import replace
from statistics import median
from typing import Any

from gilscope.core import clocks
from gilscope.core.cases import Case
from gilscope.core.pep734 import pool_class
from gilscope.kernels._calls import Calls
from gilscope.telemetry.gil import DIAGNOSTIC_RATE_HZ, GilMonitor

_PROBED_S = 0.15  # of calls under the GIL probe: at 2 kHz a share to five points
_MOST_CALLS = 1 << 20
_RUNS, _TASKS = 9, 200  # of hand-overs; more tasks in pools that are larger
_PAIR, _FEW, _MANY, _MOST_START_S = 2, 8, 60, 0.3  # workers; many (Windows allows 61) if few are ready within so long
_START_S = 0.01  # of sleep: no worker takes the task that another one is started for
_ASLEEP = 0.5  # of the workers of a pool whose parent is always busy: half of them wait for it
_MOST_BYTES = 1 << 20  # of pickled arguments that are compared
_ROUNDS_NS, _MOST_COPIED_BYTES = 200_000_000, 32 << 20  # of the calls whose arguments are copied at a time; pickled
_MOST_SOURCE = 20_000  # characters of a function that a result keeps
_ALIKE = 1.25  # ratio of times, or of the arguments' sizes, up to which calls count as the same work
_FRESH_CALLS, _LEAST_NS = 5, 1000  # one by one, for the minimum; shorter ones are clock reads and cold caches


def examine(calls: Calls) -> dict[str, Any]:
    """Call a function for a moment and return the fields of ``kernels.user.Examined``, except for failures."""
    first, before_bytes = _packed(calls), _peak_bytes()
    with _printed(1) as printed, _printed(2) as complained:
        calls(0, 0, 1, {}, {})
    peak_bytes = _peak_bytes() - before_bytes
    moved, later = calls.moves, _packed(calls)
    empty_s, _ = _paced(calls.bound(lambda *args, **kwargs: None))  # first: pools spin for a while after an import
    found = _watched(calls)
    fresh, growth = _fresh(calls, first), (len(_packed(calls)) or 2 * _MOST_BYTES) / len(later) if later else None
    alike = all(ratio is None or 1.0 / _ALIKE < ratio < _ALIKE for ratio in (fresh, growth))
    if copied := first not in (b"", later) and not alike and _copies_fit(calls, first):
        found, fresh, growth = _watched(calls.refreshed(first)), None, None
    return {
        **found,
        "items": len(calls.items) if calls.items is not None else 0,
        "peak_bytes": max(0, peak_bytes),
        "printed_bytes": printed[0],
        "complained_bytes": complained[0],
        "moves": moved,
        "copied": copied,
        "empty_s": empty_s,
        "fresh": fresh,
        "growth": growth,
        "pools": _pools(),
        **source_of(calls.dispatcher, calls.home),
    }


def source_of(function: Any, folder: str) -> dict[str, Any]:
    """Return the source of a function, the file (relative to ``folder`` where it is in it) and the first line.

    Where it has none, ``source_reason`` says why: nothing about the source may end an examination.
    """
    try:
        function = inspect.unwrap(function)
        lines, line = inspect.getsourcelines(function)
        path = inspect.getsourcefile(function) or ""
        beside = os.path.relpath(path, folder)
    except Exception as error:  # noqa: BLE001 - any object can be callable, and answer anything
        compiled = "it is compiled, or not a function" if isinstance(error, TypeError) else "its file cannot be read"
        return {"source_reason": compiled}
    text = "".join(lines)
    kept = text if len(text) <= _MOST_SOURCE else text[:_MOST_SOURCE].rpartition("\n")[0] + "\n..."
    return {
        "source": kept.encode("utf-8", "replace").decode(),
        "source_file": os.path.basename(path) if beside.startswith("..") else beside,
        "source_line": line,
    }


def _watched(calls: Calls) -> dict[str, Any]:
    """Time calls, then call them under the GIL probe."""
    call_s, busy = _paced(calls)
    count = _probed(call_s)
    calls.prepare(count)
    with GilMonitor(DIAGNOSTIC_RATE_HZ) as monitor:
        faulting = _faulting(calls, count)
    gil = monitor.to_dict()
    return {
        "call_s": call_s,
        "busy": busy,
        "held": gil.get("held", {}).get("value") if gil["available"] else None,
        **faulting,
    }


def examine_faults(calls: Calls) -> dict[str, float]:
    """Return how a call faults in a thread beside the main one, whose heap malloc trims by other rules."""
    with ThreadPoolExecutor(1) as pool:
        call_ns = [pool.submit(_once_ns, calls).result() for _ in range(2)][1]  # the first call warms the heap up
        return pool.submit(_faulting, calls, _probed(call_ns / 1e9)).result()


def hand_over(case: Case) -> tuple[float, float, float]:
    """Measure what one task costs the parent of a pool of two of ``concurrent.futures``.

    Low and high seconds of its median [95 % interval] over a few runs, and by how much each worker more raises them:
    the parent watches them all. The latter of processes that start fast, else 0: then the former are of a pool of
    eight. Tasks are empty in threads and interpreters. In processes they sleep just short enough for the parent to be
    always busy, for waking a process costs more than handing work to one that is awake, above all in virtual machines.
    """
    if case.executor != "processes":
        with _pool(replace(case, workers=_PAIR)) as pool:
            _task_s(pool, _TASKS, 0.0)  # starts them
            return *_middle([_task_s(pool, _TASKS, 0.0) for _ in range(_RUNS)]), 0.0
    start_s, few_s = _kept_busy_s(case, _FEW)
    many_s = _kept_busy_s(case, _MANY)[1] if start_s <= _MOST_START_S else []
    more_s = max(0.0, (median(many_s) - median(few_s)) / (_MANY - _FEW)) if many_s else 0.0
    low_s, high_s = (max(each_s / 2.0, each_s - more_s * (_FEW - _PAIR)) for each_s in _middle(few_s))
    return low_s, high_s, more_s


def _kept_busy_s(case: Case, workers: int) -> tuple[float, list[float]]:
    """Return seconds until so many processes have started, and seconds per task of a few runs.

    None of the runs where the system does not allow so many.
    """
    began, spent_s = clocks.wall_ns(), []
    with _pool(replace(case, workers=workers)) as pool:
        try:
            list(pool.map(time.sleep, [_START_S] * 2 * workers))
        except OSError:  # at a limit of processes or of open files; those it started wait for work for ever
            for process in dict(getattr(pool, "_processes", None) or {}).values():
                process.terminate()
            return math.inf, []
        start_s, task_s = (clocks.wall_ns() - began) / 1e9, _task_s(pool, _TASKS, 0.0)
        for _ in range(_RUNS):
            spent_s.append(_task_s(pool, max(_TASKS, 6 * workers), _ASLEEP * workers * task_s))
            task_s = median(spent_s)
    return start_s, spent_s


def _task_s(pool: Executor, count: int, sleep_s: float) -> float:
    """Return the seconds a pool takes for a task, without the sleep of the last; without any the task is empty."""
    begin = clocks.wall_ns()
    list(pool.map(time.sleep, [sleep_s] * count) if sleep_s else pool.map(abs, range(count)))
    return ((clocks.wall_ns() - begin) / 1e9 - sleep_s) / count


def _middle(values: Sequence[float]) -> tuple[float, float]:
    """Return the 95 % interval of the median of nine: all but the least and the most."""
    ordered = sorted(values)
    return ordered[1], ordered[-2]


def _pool(case: Case) -> Executor:
    """Return the pool of ``concurrent.futures`` that resembles the executor of a case."""
    if case.executor == "threads":
        return ThreadPoolExecutor(case.workers)
    if case.executor == "processes":
        return ProcessPoolExecutor(case.workers, multiprocessing.get_context(case.start_method))
    pool: Executor = pool_class()(case.workers)
    return pool


def _probed(call_s: float) -> int:
    """Return how many calls fill the probed time."""
    return max(1, min(_MOST_CALLS, round(_PROBED_S / call_s)))


def _faulting(calls: Calls, count: int) -> dict[str, float]:
    """Call and return page faults per call and the share of the time they take; empty where the system counts none."""
    before, begin = clocks.thread_usage(), clocks.wall_ns()
    calls.run(0, count)
    wall_ns, after = clocks.wall_ns() - begin, clocks.thread_usage()
    if before is None or after is None:
        return {}
    faults = after.minor_faults - before.minor_faults
    spent_ns = clocks.faulting_ns(faults, after.system_ns - before.system_ns)
    return {"faults": faults / count, "fault_share": spent_ns / wall_ns}


def _paced(calls: Calls) -> tuple[float, float]:
    """Time more and more calls, until they take a fair part of the probed time; a long call is timed once.

    Returns seconds per call and the CPUs it keeps busy. The GIL probe, which would be one of them, does not run.
    """
    count = 1
    while True:
        calls.prepare(count)
        before, begin = clocks.tasks_ns(), clocks.wall_ns()
        calls.run(0, count)
        spent_ns = clocks.wall_ns() - begin
        if spent_ns >= _PROBED_S / 4 * 1e9 or count >= _MOST_CALLS:
            return max(spent_ns / count, 1) / 1e9, _busy(before, clocks.tasks_ns(), spent_ns)
        count *= 4


def _busy(before: Mapping[int, tuple[int, int]], after: Mapping[int, tuple[int, int]], wall_ns: int) -> float:
    """Return the CPUs kept busy by the threads that were there all the time: those of pools, not those calls start."""
    used = {
        task: (after[task][0] - before[task][0], after[task][1] - before[task][1]) for task in before if task in after
    }
    own_ns, queued_ns = used.get(threading.get_native_id(), (0, 0))
    return sum(cpu_ns for cpu_ns, _ in used.values()) / max(1, own_ns, wall_ns - queued_ns)


class _Bounded(io.BytesIO):
    """A file that refuses to become large."""

    def write(self, data: Any) -> int:
        if self.tell() + memoryview(data).nbytes > _MOST_BYTES:
            raise ValueError
        return super().write(data)


def _packed(calls: Calls) -> bytes:
    """Pickle what calls are given, and the function's defaults; empty where that is impossible or more than 1 MiB."""
    file = _Bounded()
    with contextlib.suppress(Exception):  # whatever classes of users raise
        pickler = pickle.Pickler(file, 5, buffer_callback=lambda buffer: buffer.raw().nbytes <= _MOST_BYTES)
        pickler.dump(calls.state())  # without the contents of large arrays
        return file.getvalue()
    return b""


def _copies_fit(calls: Calls, packed: bytes) -> bool:
    """Whether each call can get its own arguments: making them takes no longer than a call, and all have room."""
    if calls.items is not None:
        return False  # one copy of all items per call
    copy_ns, call_ns = list[int](), list[int]()
    with contextlib.suppress(Exception):  # of what cannot be unpickled, or fails with copies
        for _ in range(_FRESH_CALLS):
            begin = clocks.wall_ns()
            own = calls.again(packed)
            copy_ns.append(clocks.wall_ns() - begin)
            call_ns.append(_once_ns(own))
        return min(copy_ns) <= min(call_ns) and _ROUNDS_NS / min(call_ns) * len(packed) <= _MOST_COPIED_BYTES
    return False


def _fresh(calls: Calls, packed: bytes) -> float | None:
    """Time calls that find arguments as the first did, and an empty cache, over later ones; None where both agree.

    What the very first call took says less: imports and compilers are in it.
    """
    clear = getattr(calls.dispatcher, "cache_clear", None)
    if clear is None and packed in (b"", _packed(calls)):
        return None
    fresh_ns, later_ns = list[int](), list[int]()
    with contextlib.suppress(Exception):  # of arguments that do not survive being pickled, large arrays among them
        while len(fresh_ns) < _FRESH_CALLS and sum(fresh_ns) < _PROBED_S * 1e9:
            later_ns.append(_once_ns(calls))
            if clear is not None:
                clear()
            fresh_ns.append(_once_ns(calls.again(packed) if packed else calls))
    return min(fresh_ns) / max(_LEAST_NS, min(later_ns)) if fresh_ns else None


def _once_ns(calls: Calls) -> int:
    begin = clocks.wall_ns()
    calls.run(0, 1)
    return clocks.wall_ns() - begin


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
