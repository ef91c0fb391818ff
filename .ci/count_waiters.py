"""Read how many threads wait for the GIL where that is known: one, three, and none for a thread that is alone.

    python .ci/count_waiters.py [BY]

Needs Linux and gilscope for the interpreter that runs it, nothing else. BY is "libc" or "states", for one of the two
sources of the number alone. A thread that lost its CPU on its way back to the lock queues for a CPU instead,
so of many windows those count in which the threads queued least, and the number may be too low by what they queued.
Exit status 1 where waiting threads are not seen, or not within 0.05 of 1 and 0.15 of 3.
"""

from __future__ import annotations

import platform
import statistics
import sys
import threading
import time
from pathlib import Path

from gilscope.telemetry import _gilprobe

WINDOWS, LEAST_QUEUED, SECONDS = 12, 5, 0.5
WITHIN = {0: 0.05, 1: 0.05, 3: 0.15}


def spin(stop: threading.Event) -> None:
    """Byte code until stopped."""
    while not stop.is_set():
        pass


def queued_ns() -> int:
    """Return how long the threads of this process have waited for a CPU."""
    return sum(int(path.read_text().split()[1]) for path in Path("/proc/self/task").glob("*/schedstat"))


def sampled(by: str) -> tuple[float, float]:
    """Return the mean numbers of threads that waited and that queued for a CPU in one window."""
    sampler = _gilprobe.Sampler(
        rate_hz=2000.0, adaptive=False, min_hz=1, max_hz=1, settled_hz=1, budget=1, machine_budget=1, wake_cost_s=0,
        cpus=1, target=0, identify=True, seed=time.perf_counter_ns(), by=by,
    )  # fmt: skip
    before = queued_ns()
    sampler.start()
    time.sleep(SECONDS)
    sampler.stop()
    queued = queued_ns() - before
    seen = sampler.snapshot()
    return seen["waiting_ns"] / seen["wall_ns"], queued / seen["wall_ns"]


def waiting(expected: int, by: str) -> list[tuple[float, float]]:
    """Return it for so many threads that wait, one that holds the GIL beside them."""
    stop = threading.Event()
    crew = [threading.Thread(target=spin, args=(stop,)) for _ in range(expected + 1)]
    for thread in crew:
        thread.start()
    try:
        return sorted((sampled(by) for _ in range(WINDOWS)), key=lambda window: window[1])[:LEAST_QUEUED]
    finally:
        stop.set()
        for thread in crew:
            thread.join()


def main() -> None:
    """Print what was read and whether it is right."""
    by = sys.argv[1] if len(sys.argv) > 1 else ""
    checked, source = _gilprobe.self_check(), _gilprobe.waiters_from()
    print(f"CPython {platform.python_version()}, {' '.join(platform.libc_ver())}, {source}, by {by or 'both'}")
    print("self-check:", checked["waiting"] or "0, 1, 0 waiters seen")
    fine = not checked["waiting"]
    for expected, within in WITHIN.items():
        numbers, queues = zip(*waiting(expected, by), strict=True)
        number, queued = statistics.median(numbers), statistics.median(queues)
        right = expected - within - queued <= number <= expected + within
        fine &= right
        print(
            f"{expected} waiting: read {number:.3f} [{min(numbers):.3f}, {max(numbers):.3f}], {queued:.3f} queue "
            f"for a CPU: {'right' if right else 'WRONG'}"
        )
    sys.exit(not fine)


if __name__ == "__main__":
    main()
