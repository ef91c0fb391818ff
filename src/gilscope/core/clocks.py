"""The clocks a round is read on: wall, CPU, run-queue delay, steal. All integers in nanoseconds.

A thread's own CPU and run-queue clocks must be read in that thread: another thread's ``schedstat``
lags by up to one scheduler tick (4 ms at 250 Hz).
"""

from __future__ import annotations

import os
import time
from functools import cache
from typing import NamedTuple

try:
    import resource
except ImportError:  # Windows
    resource = None  # type: ignore[assignment]

__all__ = [
    "Usage",
    "process_cpu_ns",
    "process_usage",
    "run_queue_ns",
    "steal_ns",
    "tasks_run_queue_ns",
    "thread_cpu_ns",
    "thread_usage",
    "throttled_ns",
    "wall_ns",
]

# One clock for all processes of a machine: CLOCK_MONOTONIC on Linux, mach_absolute_time on macOS, both
# system-wide (time.get_clock_info("perf_counter")).
wall_ns = time.perf_counter_ns
process_cpu_ns = time.process_time_ns

try:
    thread_cpu_ns = time.thread_time_ns
except AttributeError:  # platforms without a per-thread CPU clock
    thread_cpu_ns = time.process_time_ns

_NS_PER_TICK = 10_000_000  # USER_HZ is 100 on every Linux ABI (man 5 proc)


def run_queue_ns() -> int | None:
    """Nanoseconds the calling thread has been runnable without running, or None where unknown.

    Notes
    -----
    Second field of ``/proc/thread-self/schedstat`` (Documentation/scheduler/sched-stats.rst). About 5 us.
    """
    try:
        fd = os.open("/proc/thread-self/schedstat", os.O_RDONLY)
    except OSError:
        return None
    try:
        fields = os.read(fd, 128).split()
    finally:
        os.close(fd)
    return int(fields[1]) if len(fields) >= 2 else None


class Usage(NamedTuple):
    """What the system counted of a thread or process (``man 2 getrusage``).

    ``minor_faults``: pages it touched first; ``system_ns``: CPU time in the kernel; ``switches``: how often it gave up
    its CPU of its own accord.
    """

    minor_faults: int
    system_ns: int
    switches: int


def thread_usage() -> Usage | None:
    """Return the counters of the calling thread; None where the system has none (other than Linux). About 2 us."""
    return _usage(getattr(resource, "RUSAGE_THREAD", None))


def process_usage() -> Usage | None:
    """Return the counters of the process, all threads together; None on Windows."""
    return _usage(getattr(resource, "RUSAGE_SELF", None))


def _usage(who: int | None) -> Usage | None:
    if who is None:
        return None
    usage = resource.getrusage(who)
    return Usage(minor_faults=usage.ru_minflt, system_ns=int(usage.ru_stime * 1e9), switches=usage.ru_nvcsw)


def steal_ns() -> int | None:
    """Nanoseconds the hypervisor ran something else instead of this machine's CPUs, summed; None where unknown.

    Notes
    -----
    Eighth field of the first line of ``/proc/stat``, in ticks of 10 ms.
    """
    try:
        fd = os.open("/proc/stat", os.O_RDONLY)
    except OSError:
        return None
    try:
        fields = os.read(fd, 512).split(b"\n", 1)[0].split()
    finally:
        os.close(fd)
    return int(fields[8]) * _NS_PER_TICK if len(fields) > 8 else None


def tasks_run_queue_ns() -> int | None:
    """Run-queue delay of all threads of this process together; None where unknown.

    Notes
    -----
    Other threads' counters lag by up to a tick while they run: read it when they rest.
    """
    total = 0
    try:
        for task in os.listdir("/proc/self/task"):
            with open(f"/proc/self/task/{task}/schedstat", "rb") as file:
                total += int(file.read().split()[1])
    except (OSError, IndexError, ValueError):
        return None
    return total


def throttled_ns() -> int | None:
    """Nanoseconds the cgroup's CPU quota has stopped threads of the group; None where there is no quota.

    Notes
    -----
    ``throttled_usec`` (cgroup v2) or ``throttled_time`` (v1) of ``cpu.stat`` (Documentation/admin-guide/cgroup-v2.rst)
    of the group whose quota is the least, summed over CPUs; where that group has other members, theirs is in it.
    """
    path = _cpu_stat()
    if path is None:
        return None
    try:
        with open(path, "rb") as file:
            fields = dict(line.split(b" ", 1) for line in file.read().splitlines() if b" " in line)
    except OSError:
        return None
    if b"throttled_usec" in fields:
        return int(fields[b"throttled_usec"]) * 1000
    return int(fields[b"throttled_time"]) if b"throttled_time" in fields else None


@cache
def _cpu_stat() -> str | None:
    """Find the ``cpu.stat`` of the group that limits this process; None without a quota."""
    from gilscope.core.cgroups import limiting_group  # only where rounds are measured

    group = limiting_group()
    return os.path.join(group.folder, "cpu.stat") if group is not None else None
