"""The clocks a round is read on: wall, CPU, run-queue delay, steal. All integers in nanoseconds.

A thread's own CPU and run-queue clocks must be read in that thread: another thread's ``schedstat`` lags by up to one
scheduler tick (4 ms at 250 Hz).
"""

import os
import time
from collections.abc import Callable
from contextlib import suppress
from functools import cache
from typing import NamedTuple

try:
    import resource
except ImportError:  # Windows
    resource = None  # type: ignore[assignment]

# One clock for all processes of a machine: CLOCK_MONOTONIC on Linux, mach_absolute_time on macOS, both
# system-wide (time.get_clock_info("perf_counter")).
wall_ns = time.perf_counter_ns
thread_cpu_ns: Callable[[], int] = getattr(time, "thread_time_ns", time.process_time_ns)  # not on every platform
_FAULT_NS = 250_000
"""The most that a page fault takes: to clear a huge page of 2 MiB; one of 4 KiB takes about 0.5 us. CPU time in the
kernel beyond that is of other system calls."""

_NS_PER_TICK = 10_000_000  # USER_HZ is 100 on every Linux ABI (man 5 proc)
_THREAD_CLOCK = 6  # of a thread by its id: its CPU time as the scheduler has it (linux/posix-timers_types.h)


def _head(path: str, nbytes: int = 512) -> bytes:
    """Return the beginning of a file, in few system calls; nothing when it cannot be read."""
    try:
        fd = os.open(path, os.O_RDONLY)
    except OSError:
        return b""
    try:
        return os.read(fd, nbytes)
    except OSError:  # its group was removed meanwhile
        return b""
    finally:
        os.close(fd)


def process_cpu_ns() -> int:
    """CPU time of all threads of this process, up to now. About 5 us, and 2 us for each thread.

    Linux adds up what threads had at their last tick, up to 4 ms ago (kernel/sched/cputime.c, thread_group_cputime), so
    that one that computes on without a system call seems to stand still. Reading its own clock brings it up to date.
    """
    try:
        for task in os.listdir("/proc/self/task"):
            with suppress(OSError):  # it has just ended
                time.clock_gettime_ns(~int(task) << 3 | _THREAD_CLOCK)
    except OSError:  # not Linux
        pass
    return time.process_time_ns()


def run_queue_ns() -> int | None:
    """Nanoseconds the calling thread has been runnable without running, or None where unknown.

    Second field of ``/proc/thread-self/schedstat`` (Documentation/scheduler/sched-stats.rst). About 5 us.
    """
    fields = _head("/proc/thread-self/schedstat").split()
    return int(fields[1]) if len(fields) >= 2 else None


def cpu_number() -> int | None:
    """Number of the CPU that the calling thread ran on last, or None where unknown; about 10 us.

    39th field of ``/proc/thread-self/stat`` (man 5 proc); the second, a name, may hold anything.
    """
    fields = _head("/proc/thread-self/stat").rpartition(b")")[2].split()
    return int(fields[36]) if len(fields) > 36 else None


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


def faulting_ns(minor_faults: int, system_ns: int) -> int:
    """Return what page faults took at most of the CPU time in the kernel."""
    return min(system_ns, minor_faults * _FAULT_NS)


def steal_ns() -> int | None:
    """Nanoseconds the hypervisor took from all CPUs of this machine together; None where unknown.

    Eighth field of the first line of ``/proc/stat``, in ticks of 10 ms.
    """
    fields = _head("/proc/stat").split(b"\n", 1)[0].split()
    return int(fields[8]) * _NS_PER_TICK if len(fields) > 8 else None


def tasks_run_queue_ns() -> int | None:
    """Run-queue delay of all threads of this process together, as in ``tasks_ns``; None where unknown."""
    tasks = tasks_ns()
    return None if 0 in tasks else sum(queued_ns for _, queued_ns in tasks.values())


def tasks_ns() -> dict[int, tuple[int, int]]:
    """CPU time and run-queue delay of each thread of this process by its id; of all as thread 0 where that is unknown.

    Other threads' CPU time lags by up to a tick while they run; their delay only has waits that are over.
    """
    tasks = {}
    try:
        for task in os.listdir("/proc/self/task"):
            if fields := _head(f"/proc/self/task/{task}/schedstat").split():  # it may just have ended
                tasks[int(task)] = int(fields[0]), int(fields[1])
    except (OSError, IndexError, ValueError):
        return {0: (process_cpu_ns(), 0)}
    return tasks


def throttled_ns() -> int | None:
    """Nanoseconds the cgroup's CPU quota has stopped threads of the group; None where there is no quota.

    ``throttled_usec`` (cgroup v2) or ``throttled_time`` (v1) of ``cpu.stat`` (Documentation/admin-guide/cgroup-v2.rst)
    of the group with the least quota, summed over CPUs; other members of that group are included.
    """
    path = _cpu_stat()
    lines = _head(path, 4096).splitlines() if path is not None else []
    fields = dict(line.split(b" ", 1) for line in lines if b" " in line)
    if b"throttled_usec" in fields:
        return int(fields[b"throttled_usec"]) * 1000
    return int(fields[b"throttled_time"]) if b"throttled_time" in fields else None


@cache
def _cpu_stat() -> str | None:
    """Find the ``cpu.stat`` of the group that limits this process; None without a quota."""
    from gilscope.core.cgroups import limiting_group  # only where rounds are measured

    group = limiting_group()
    return os.path.join(group.folder, "cpu.stat") if group is not None else None
