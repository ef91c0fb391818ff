"""How long a thread that wakes up waits for the GIL: a heartbeat thread in the program, and what its waits mean.

The heartbeat sleeps until a random moment of each slot of 1 / ``BEATS_HZ``, notes when it runs again, and takes the
GIL: what it measures is the wait for the GIL without the wake-up by the scheduler before it. Who would have woken up
during such a wait is counted as waiting for the rest of it. So the waits are those of random moments of the window, and
their quantiles have exact intervals (``stats.quantiles``).

An I/O thread pays this each time it comes back from a call that released the GIL. Beside byte code that is about one
switch interval, however short the call: the *convoy effect* (D. Beazley, "Understanding the Python GIL", PyCon 2010;
bpo-7946, now python/cpython#52194).
"""

from __future__ import annotations

import _thread
import os
import sys
import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from gilscope.core.errors import TooFewRoundsError
from gilscope.core.units import NS_PER_S
from gilscope.env.interpreter import gil_enabled
from gilscope.stats import Estimate
from gilscope.stats.quantiles import quantile_interval, values_needed

if TYPE_CHECKING:
    from gilscope.telemetry import _heartbeat
    from gilscope.telemetry.reading import GilReading

BEATS_HZ = 20.0
_KEPT = 1 << 16  # waits, 8 bytes each: all of the first hour, then a uniform sample
_NO_GIL = "no GIL: a thread that wakes up does not wait for one"


@dataclass(frozen=True, slots=True, kw_only=True)
class Latency:
    """Waits for the GIL of a thread that wakes up at random moments of the window."""

    samples: int  # wake-ups
    switch_interval_s: float  # after which a waiting thread asks for the GIL
    median_s: Estimate | None = None
    p95_s: Estimate | None = None
    p99_s: Estimate | None = None
    reason: str = ""  # why a quantile is None


class Heartbeat:
    """The thread that measures ``Latency`` from ``start`` to ``stop``; readable in between and after it.

    ``threading`` does not list it, nothing waits for it at the end of the program, and a forked child has none.
    """

    def __init__(self, beats_hz: float = BEATS_HZ) -> None:
        self._beats_hz = beats_hz
        self._native: _heartbeat.Heartbeat | None = None
        self._reason = "the measurement has not begun"
        self._began_s = self._window_s = 0.0
        self._ended, self._pid = _thread.allocate_lock(), 0

    def start(self) -> None:
        """Start it; without a GIL, or without the compiled module, only the reason is kept."""
        if not gil_enabled():
            self._reason = _NO_GIL
            return
        try:
            from gilscope.telemetry import _heartbeat
        except ImportError as error:
            self._reason = f"the compiled heartbeat cannot be loaded ({error})"
            return
        seed = time.perf_counter_ns() ^ id(self)
        native = _heartbeat.Heartbeat(width_s=1.0 / self._beats_hz, seed=seed, capacity=_KEPT)
        self._native, self._reason, self._pid = native, "", os.getpid()
        self._began_s = time.perf_counter()
        self._ended.acquire()
        _thread.start_new_thread(self._run, (native,))

    def _run(self, native: _heartbeat.Heartbeat) -> None:
        try:
            native.run()
        finally:
            self._ended.release()

    def stop(self) -> None:
        """End it and wait for its thread; a second call, or one in a forked child, does nothing."""
        if self._native is None or self._window_s:
            return
        self._window_s = time.perf_counter() - self._began_s
        if os.getpid() == self._pid:
            self._native.stop()
            self._ended.acquire()

    @property
    def waiting(self) -> float:
        """The heartbeat's own part in the mean number of waiting threads."""
        if self._native is None:
            return 0.0
        window_s = self._window_s or time.perf_counter() - self._began_s
        return min(1.0, self._native.waited_ns() / NS_PER_S / window_s) if window_s else 0.0

    @property
    def latency(self) -> Latency:
        """What is known so far."""
        if self._native is None:
            return Latency(samples=0, switch_interval_s=sys.getswitchinterval(), reason=self._reason)
        kept_ns, samples = self._native.waits()
        waits_s = [wait / NS_PER_S for wait in kept_ns]
        return Latency(
            samples=samples,
            switch_interval_s=sys.getswitchinterval(),
            median_s=_quantile(waits_s, 0.5),
            p95_s=_quantile(waits_s, 0.95),
            p99_s=_quantile(waits_s, 0.99),
            reason=self._too_few(samples),
        )

    def _too_few(self, samples: int) -> str:
        needed = {"the median": values_needed(0.5), "p95": values_needed(0.95), "p99": values_needed(0.99)}
        return ", ".join(
            f"{name} needs {count} wake-ups, {count / self._beats_hz:.3g} s"
            for name, count in needed.items()
            if samples < count
        )


def _quantile(waits_s: list[float], q: float) -> Estimate | None:
    try:
        return quantile_interval(waits_s, q)
    except TooFewRoundsError:
        return None


def without_heartbeat(reading: GilReading, waiting: float) -> GilReading:
    """Take a heartbeat out of what the probe saw, which counted ``waiting`` threads of it, on average.

    Where others wait they do so independently of the heartbeat's random moments: then 1 - ``contended`` is the product
    of both shares without a waiting thread.
    """
    seen = reading.waiting
    if seen is None or not waiting:
        return reading
    low, value, high = (max(0.0, part - waiting) for part in (seen.low, seen.value, seen.high))
    contended = max(0.0, 1.0 - (1.0 - reading.contended) / (1.0 - waiting)) if waiting < 1.0 else reading.contended
    return replace(reading, waiting=replace(seen, low=low, value=value, high=high), contended=contended)
