"""How one thread takes turns with nobody: every hold of the GIL and every stretch without it, by the exact trace.

From one thread alone these say how often it would ask for the GIL beside others, for how long, and how evenly.
"""

from __future__ import annotations

import itertools
import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from gilscope.core import clocks
from gilscope.telemetry import gil
from gilscope.telemetry.holders import trace_availability

if TYPE_CHECKING:
    from gilscope.telemetry._gilprobe import Tracer

T = TypeVar("T")

_MOST_HOLDS = 200_000
_SEEN_FROM = 0.9  # share of the window in which the tracing thread must have had a CPU
_LOOK_NS = 2000  # the longest mean time between two looks of a thread that has a CPU
_SEEN_A_THIRD = 1 / 3  # the same, to count releases
_MOST_AT_ONCE = 100  # calls between two looks at the clock
_POINTS = 16  # of a distribution that is kept


@dataclass(frozen=True, slots=True, kw_only=True)
class Turns:
    """Holds of the GIL in one window.

    Parameters
    ----------
    holds : int
        How often it was taken.
    window_s, held_s : float
        From the first hold seen to the last, and the part of it in which it was held.
    hold_shape, free_shape : tuple of float
        Lengths of holds, and of the stretches between them: means of equally likely slices, over the mean.
    """

    holds: int
    window_s: float
    held_s: float
    hold_shape: tuple[float, ...]
    free_shape: tuple[float, ...]

    @property
    def held(self) -> float:
        """Share of the window in which it was held."""
        return self.held_s / self.window_s


def traced_turns(work: Callable[[], T]) -> tuple[T, Turns | str]:
    """Call ``work`` while a native thread reads the lock all the time; return its result and the turns, or why none."""
    available = trace_availability()
    if not available.ok:
        return work(), available.reason
    from gilscope.telemetry._gilprobe import Tracer

    tracer = Tracer(capacity=_MOST_HOLDS, identify=not gil.part_reason("threads"))
    tracer.start()
    try:
        result = work()
    finally:
        tracer.stop()
    return result, _turns(tracer)


@dataclass(frozen=True, slots=True, kw_only=True)
class WatchedCalls:
    """Calls in one window: how many, how often the GIL was released in them, and the share of it that it was held."""

    calls: int
    wall_s: float
    releases: float
    held: float


def watched_calls(call: Callable[[], object], *, window_s: float, fewest: int = 1) -> WatchedCalls | None:
    """Call over and over, for so many seconds and at least so often, while a native thread reads the lock all the time.

    None where the two threads certainly ran side by side for less than a third of the window: that thread saw too
    little. ``trace_availability`` says whether it works here.
    """
    from gilscope.telemetry._gilprobe import Tracer

    tracer, calls = Tracer(capacity=_MOST_HOLDS, identify=False), 0
    queued_ns = clocks.run_queue_ns()
    tracer.start()
    try:
        began = time.perf_counter()
        ends, batch = began + window_s, 1
        while calls < fewest or time.perf_counter() < ends:
            for _ in itertools.repeat(None, batch):
                call()
            calls += batch
            batch = max(1, min(_MOST_AT_ONCE, calls // 4))
        wall_s = time.perf_counter() - began
    finally:
        tracer.stop()
    waited_ns = (clocks.run_queue_ns() or 0) - (queued_ns or 0)  # not before: reading it releases the GIL
    spans, _ = tracer.spans()
    stats = tracer.stats()
    length = max(1, stats["ended_ns"] - stats["began_ns"])
    seen = (min(length - stats["blind_ns"], stats["looks"] * _LOOK_NS) - waited_ns) / length
    if seen < _SEEN_A_THIRD:
        return None
    held = math.fsum(end - start for _, start, end in spans) / length
    releases = max(0, len(spans) - 1) / min(1.0, seen)
    return WatchedCalls(calls=calls, wall_s=wall_s, releases=releases, held=min(1.0, held))


def _turns(tracer: Tracer) -> Turns | str:
    spans, _ = tracer.spans()
    stats = tracer.stats()
    length = max(1, stats["ended_ns"] - stats["began_ns"])
    seen_ns = min(length - stats["blind_ns"], stats["looks"] * _LOOK_NS)
    if seen_ns < _SEEN_FROM * length:
        return "the thread that traces the GIL did not get a CPU of its own"
    times = [(start, end) for _, start, end in spans]
    if len(times) < 3:  # the first and the last are cut
        window_s = length / 1e9
        held_s = math.fsum(end - start for start, end in times) / 1e9
        return Turns(holds=len(times), window_s=window_s, held_s=held_s, hold_shape=(1.0,), free_shape=(1.0,))
    inner, last = times[1:-1], times[-1]
    free = [after[0] - before[1] for before, after in itertools.pairwise([*inner, last])]
    holds = [end - start for start, end in inner]
    return Turns(
        holds=len(holds),
        window_s=(last[0] - inner[0][0]) / 1e9,
        held_s=math.fsum(holds) / 1e9,
        hold_shape=sliced(holds),
        free_shape=sliced(free),
    )


def sliced(lengths: list[int]) -> tuple[float, ...]:
    """Return the means of equally likely slices of a sample, relative to its mean."""
    ordered, most = sorted(lengths), min(_POINTS, len(lengths))
    mean = math.fsum(ordered) / len(ordered)
    edges = [round(index * len(ordered) / most) for index in range(most + 1)]
    parts = (ordered[a:b] for a, b in itertools.pairwise(edges))
    return tuple(round(math.fsum(part) / len(part) / mean, 4) for part in parts) if mean > 0 else (1.0,)
