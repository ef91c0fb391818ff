"""What it costs to hand the GIL to a thread that waits for it: a property of machine, system and interpreter.

The thread that releases wakes one that waits, which has to get a CPU and the lock; meanwhile nobody holds it. The price
depends on how many wait, for their wake-ups after each switch interval and their cold caches are in it, and on how long
it was held before. So it is measured with few and many threads and short and long holds, and predictions interpolate.
"""

from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from statistics import quantiles

from gilscope.telemetry.gil import probe_availability

# Length of holds in seconds, threads that wait.
_CELLS = (*((hold_s, count) for hold_s in (20e-6, 200e-6) for count in (3, 30, 120)), (2e-3, 3), (2e-3, 30))
_AWAY = 4  # threads that sleep at a time, about
_WINDOWS, _WINDOW_S, _WINDOW_HOLDS = 6, 0.035, 15
_SETTLING = 2  # windows that are not counted: the system spreads new threads over its CPUs


@dataclass(frozen=True, slots=True, kw_only=True)
class HandOff:
    """The price of one hand-off in seconds: median and quartiles of a few windows."""

    hold_s: float
    waiting: int
    low_s: float
    value_s: float
    high_s: float


def hand_off_prices() -> tuple[HandOff, ...]:
    """Measure the prices in this process, in about 2.5 s; none where there is no GIL or no probe.

    While threads wait all the time, the lock is used for a hold and a hand-off in turn: the price is the time per hold
    less the hold.
    """
    return tuple(_measured()) if probe_availability().ok else ()


def _measured() -> Iterator[HandOff]:
    for hold_s, waiting in _CELLS:
        found = [max(0.0, each - hold_s) for each in _seconds_per_hold(hold_s, waiting + _AWAY)]
        if len(found) > 1:
            low_s, value_s, high_s = quantiles(found, n=4, method="inclusive")
            yield HandOff(hold_s=hold_s, waiting=waiting, low_s=low_s, value_s=value_s, high_s=high_s)


def _seconds_per_hold(hold_s: float, threads: int) -> list[float]:
    """Return the time per hold in windows during which so many threads hold the GIL in turn and sleep as long."""
    from gilscope.telemetry._gilprobe import duty

    gate, stopped = threading.Event(), False
    ended: list[list[float]] = [[] for _ in range(threads)]

    def hold(log: list[float]) -> None:
        gate.wait()
        while not stopped:
            duty(hold_s, 0.0, hold_s)
            log.append(time.perf_counter())
            time.sleep(hold_s)

    crew = [threading.Thread(target=hold, args=(log,), daemon=True) for log in ended]
    for thread in crew:
        thread.start()
    gate.set()
    time.sleep((_SETTLING + _WINDOWS) * max(_WINDOW_S, _WINDOW_HOLDS * hold_s))
    stopped = True
    for thread in crew:
        thread.join()
    times = sorted(itertools.chain.from_iterable(ended))[:-threads]  # the last ones hold it without sleep
    size = len(times) // (_SETTLING + _WINDOWS)
    ends = times[_SETTLING * size :: size][: _WINDOWS + 1] if size else []
    return [(after - before) / size for before, after in itertools.pairwise(ends)]
