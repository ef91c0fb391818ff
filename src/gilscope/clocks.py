"""The clocks a round is read on: wall, CPU, run-queue delay, steal. All integers in nanoseconds.

A thread's own CPU and run-queue clocks must be read in that thread: another thread's ``schedstat``
lags by up to one scheduler tick (4 ms at 250 Hz).
"""

from __future__ import annotations

import os
import time

__all__ = ["process_cpu_ns", "run_queue_ns", "steal_ns", "thread_cpu_ns", "wall_ns"]

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
