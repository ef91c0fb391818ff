"""Who held the GIL from when to when: the lane of its holder in a timeline."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from gilscope.core.errors import UnavailableError
from gilscope.core.spec import Availability
from gilscope.core.trace import GIL_LANE, Event, duration
from gilscope.env.cpu import usable_cpus
from gilscope.telemetry import gil
from gilscope.telemetry.names import ThreadNames

if TYPE_CHECKING:
    from gilscope.telemetry._gilprobe import Tracer

_MOST_HOLDS = 200_000  # 5 MB; beyond, the rest is counted
_UNKNOWN = "another thread"


def trace_availability() -> Availability:
    """Whether ``GilTrace`` works here: the probe does, and there is a CPU to spare for it."""
    probe = gil.probe_availability()
    if not probe.ok:
        return probe
    if usable_cpus().count < 2:
        reason = "the exact GIL trace keeps a CPU busy, and there is only one"
        return Availability(ok=False, reason=reason, cure="use the sampled one")
    return Availability(ok=True)


class GilTrace:
    """Write down every hold of the GIL while the body of a ``with`` statement runs, in all threads of this process.

    A native thread reads the lock all the time, without ever taking it, and keeps a CPU busy with that: for looking at
    what happens, not for measuring how long it takes.

    After the block ``events`` are the holds, named after the thread that held it, ``notes`` how exact they are, and
    ``blind_ns`` how long, in sum, the thread that looks had no CPU to do it. Raises UnavailableError where
    ``trace_availability`` says no.
    """

    def __init__(self) -> None:
        self.events: tuple[Event, ...] = ()
        self.notes: tuple[str, ...] = ()
        self.blind_ns = 0
        self._names = ThreadNames()
        self._tracer: Tracer | None = None

    def __enter__(self) -> GilTrace:
        available = trace_availability()
        if not available.ok:
            raise UnavailableError(available.reason, available.cure)
        from gilscope.telemetry._gilprobe import Tracer

        self._tracer = Tracer(capacity=_MOST_HOLDS, identify=not gil.part_reason("threads"))
        self._names.start()
        self._tracer.start()
        return self

    def __exit__(self, *_: object) -> None:
        assert self._tracer is not None
        self._tracer.stop()
        self._names.stop()
        spans, dropped = self._tracer.spans()
        stats = self._tracer.stats()
        self.events = events_of(spans, self._names.by_native_id)
        self.blind_ns = stats["blind_ns"]
        length = max(1, stats["ended_ns"] - stats["began_ns"])
        interval, longest = (length - self.blind_ns) / max(1, stats["looks"]), stats["longest_gap_ns"]
        note = (
            f"the GIL was looked at every {duration(interval)}, for {duration(length)}; "
            f"{self.blind_ns / length:.1%} of it unseen, {duration(longest)} at the longest"
        )
        self.notes = (note, f"{dropped} later holds were not kept") if dropped else (note,)


def events_of(spans: Sequence[tuple[int, int, int]], names: Mapping[int, str]) -> tuple[Event, ...]:
    """Return holds (native id, start, end) as events of the GIL's lane, in time of ``clocks.wall_ns``."""
    # CLOCK_MONOTONIC, which the probe reads, and perf_counter are the same clock on Linux; elsewhere they may differ.
    offset = time.perf_counter_ns() - time.monotonic_ns()
    offset = 0 if abs(offset) < 1_000_000 else offset
    return tuple(
        Event(
            lane=GIL_LANE,
            name=names.get(native_id, f"thread {native_id}") if native_id else _UNKNOWN,
            start_ns=start + offset,
            end_ns=end + offset,
            category="gil",
        )
        for native_id, start, end in spans
    )
