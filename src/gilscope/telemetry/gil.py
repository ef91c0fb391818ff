"""``GilMonitor``: how much of the time the GIL is held, by whom, and how many threads wait for it.

A native thread samples CPython's own lock at random moments and never takes it, so the measured program does not wait
for the monitor. Its cost is waking that thread; ``rate_hz=None`` keeps this below one per cent.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from gilscope.core.errors import MeasurementError, UnavailableError, UsageError
from gilscope.core.spec import Availability
from gilscope.core.trace import Event
from gilscope.core.units import NS_PER_S
from gilscope.env.interpreter import gil_enabled
from gilscope.stats import Estimate
from gilscope.telemetry.frames import check_own_stack, stacks_of, waits_reason
from gilscope.telemetry.free_threading import GilState, gil_state
from gilscope.telemetry.latency import Heartbeat, Latency, without_heartbeat
from gilscope.telemetry.names import Names, ThreadNames
from gilscope.telemetry.reading import NO_SAMPLE, GilReading, GilReport, GilThread, HoldLengths, Timeline, read
from gilscope.telemetry.sampler import FASTEST_HZ, make_sampler
from gilscope.telemetry.stacks import Stacks

if TYPE_CHECKING:
    from gilscope.telemetry._gilprobe import Sampler

DIAGNOSTIC_RATE_HZ = 2000.0  # 100 samples in the shortest diagnostic round (50 ms); their slow-down is reported

_PARTS = ("held", "waiting", "threads", "overdue", "lines")
NO_GIL = "no GIL: this interpreter runs threads in parallel"
_checked: dict[str, str] | None = None


def _self_check() -> dict[str, str]:
    """Reasons per part of the probe, empty where it can be trusted; checked once per process."""
    global _checked
    if not gil_enabled():
        return dict.fromkeys(_PARTS, NO_GIL)
    if _checked is None:
        try:
            from gilscope.telemetry import _gilprobe
        except ImportError as error:
            return dict.fromkeys(_PARTS, f"the compiled GIL probe cannot be loaded ({error})")
        found = _gilprobe.self_check()
        _checked = {**found, "lines": found["threads"] or check_own_stack()}
    return _checked


def _stacks_reason_without_gil() -> str:
    from gilscope.telemetry import _gilprobe

    try:
        _gilprobe.look()
    except RuntimeError as error:
        return str(error)
    return check_own_stack()


def probe_availability() -> Availability:
    """Whether the GIL probe works in this process; the first time a self-check of a few milliseconds."""
    reason = _self_check()["held"]
    buildable = reason not in ("", NO_GIL)
    cure = "build gilscope for this interpreter on Linux with CPython 3.11+" if buildable else ""
    return Availability(ok=not reason, reason=reason, cure=cure)


def part_reason(part: str) -> str:
    """Why a part of the probe cannot be trusted here: held, waiting, threads, overdue or lines; empty if it can."""
    return _self_check()[part]


class GilMonitor:
    """Measure the GIL while the body of a ``with`` statement runs, in all threads of this process.

    ::

        with GilMonitor() as gil:
            work()
        print(gil.held.value, gil.waiting.value if gil.waiting else "n/a")

    Readable inside the block too (so far) and after it. Monitors may overlap. Where the lock cannot be read,
    ``available`` is False, ``reason`` says why, and the measured quantities raise.

    Parameters
    ----------
    rate_hz : float, optional
        Samples per second; UsageError unless between 0 and 20 kHz. By default the rate adapts: at most what costs one
        per cent of a CPU, or of all CPUs when all are busy, and less once the held share is known to one percentage
        point.
    keep_holds : int
        How many holds are kept with their times, for a timeline (``holds_kept``).
    lines : bool
        Whether the Python stacks of the thread that holds it and of those that wait are read as well (``stacks``).
    latency : bool
        Whether a heartbeat thread measures how long a thread that wakes up waits for the GIL (``latency``).
    """

    def __init__(
        self, rate_hz: float | None = None, *, keep_holds: int = 0, lines: bool = False, latency: bool = False
    ) -> None:
        if rate_hz is not None and not (math.isfinite(rate_hz) and 0 < rate_hz <= FASTEST_HZ):
            raise UsageError(f"rate {rate_hz!r} must be above zero and at most {FASTEST_HZ:.0f} looks per second")
        self._fixed_hz, self._keep, self._lines = rate_hz, keep_holds, lines
        self._heartbeat = Heartbeat() if latency else None
        self._names: Names = ThreadNames()
        self._waits_reason = ""
        self._sampler: Sampler | None = None
        self._watcher: Sampler | None = None  # of stacks alone, where there is no GIL
        self._reasons: Mapping[str, str] = {}
        self._state: GilState | None = None
        self._final: GilReading | None = None
        self._entered = False

    def __enter__(self) -> GilMonitor:
        if self._entered:
            raise MeasurementError("a GilMonitor measures once: make another one")
        self._entered = True
        self._begin()
        if (sampler := self._sampler or self._watcher) is not None:
            self._names.start()
            sampler.start()
        if self._heartbeat is not None:
            self._heartbeat.start()
        return self

    def _begin(self) -> None:
        """Find out what can be measured, and make the sampler if anything can."""
        self._reasons = _self_check()
        if self._lines and self._reasons["held"] == NO_GIL:
            self._reasons = {**self._reasons, "lines": _stacks_reason_without_gil()}
        self._waits_reason = waits_reason() if self._lines and not self._reasons["lines"] else ""
        self._make_samplers()

    def _make_samplers(self, process: tuple[int, int, int, int] | None = None) -> None:
        if not self._reasons["held"]:
            self._sampler = self._make_sampler(process)
        elif self._lines and not self._reasons["lines"]:  # no lock to look at, but threads may still wait for others
            self._watcher = self._make_sampler(process)

    def _gil_state(self) -> GilState:
        return gil_state()

    def _thread_names(self) -> Mapping[int, str]:
        return self._names.by_native_id

    def __exit__(self, *_: object) -> None:
        self.stop()

    def stop(self) -> None:
        """End the measurement; leaving the block does it."""
        if self._heartbeat is not None:
            self._heartbeat.stop()
        if (sampler := self._sampler or self._watcher) is not None:
            sampler.stop()
            self._names.stop()
        self._state = self._gil_state()
        if self._sampler is None and self._state.enabled and self._reasons.get("held") == NO_GIL:
            self._reasons = {**self._reasons, "held": f"the GIL came on while measuring: {self._state.reason}"}

    def _make_sampler(self, process: tuple[int, int, int, int] | None) -> Sampler:
        return make_sampler(
            self._fixed_hz,
            identify=not self._reasons["threads"],
            keep=self._keep,
            lines=self._lines and not self._reasons["lines"],
            waits=not self._waits_reason,
            process=process,
        )

    @property
    def available(self) -> bool:
        """Whether the GIL is being, or was, measured."""
        return self._sampler is not None

    @property
    def reason(self) -> str:
        """Why it is not available; empty when it is."""
        return "" if self.available else self._reasons.get("held", "the measurement has not begun")

    @property
    def state(self) -> GilState:
        """Whether there is a GIL, and on free-threaded builds what switched it on."""
        return self._state or self._gil_state()

    @property
    def enabled(self) -> bool:
        """Whether the interpreter has a GIL."""
        return self.state.enabled

    @property
    def waiting_reason(self) -> str:
        """Why ``waiting`` is None; empty when it is measured."""
        return self.reason or self._reasons["waiting"]

    @property
    def threads_reason(self) -> str:
        """Why ``threads`` is empty; empty when threads are distinguished."""
        return self.reason or self._reasons["threads"]

    @property
    def overdue_reason(self) -> str:
        """Why ``holds.overdue`` is None; empty when it is measured."""
        return self.reason or self._reasons["overdue"]

    @property
    def stacks_reason(self) -> str:
        """Why ``stacks`` is None; empty when they are read."""
        if not self._lines:
            return "stacks were not asked for"
        return self._reasons.get("lines", self.reason)

    @property
    def stacks(self) -> Stacks | None:
        """What the threads that held it, or waited, were running; None where that is not read (``stacks_reason``).

        Without a GIL, those of threads that wait for a lock. Raises MeasurementError if there was no time for a single
        sample.
        """
        sampler = self._sampler or self._watcher
        raw = sampler.stacks() if sampler is not None else None
        if sampler is None or raw is None:
            return None
        window_s = sampler.snapshot()["wall_ns"] / NS_PER_S
        if not window_s:
            raise MeasurementError(NO_SAMPLE)
        return stacks_of(raw, window_s, self._waits_reason)

    @property
    def reading(self) -> GilReading:
        """All quantities at once.

        Raises UnavailableError if the GIL cannot be measured here, MeasurementError if there was no time for a single
        sample.
        """
        if self._sampler is None:
            raise UnavailableError(self.reason)
        if self._final is not None:
            return self._final
        if self._state is None:  # still running
            self._names.refresh()
        reading = read(
            self._sampler.snapshot(),
            names=self._thread_names(),
            waiting=not self._reasons["waiting"],
            requests=not self._reasons["overdue"],
        )
        if self._heartbeat is not None:
            reading = without_heartbeat(reading, self._heartbeat.waiting)
        if self._state is not None:
            self._final = reading
        return reading

    @property
    def held(self) -> Estimate:
        """Share of the time during which the GIL was held."""
        return self.reading.held

    @property
    def waiting(self) -> Estimate | None:
        """Mean number of threads that waited for it; None where unknown (``waiting_reason``)."""
        return self.reading.waiting

    @property
    def handovers(self) -> int:
        """How often it went from one thread to another."""
        return self.reading.handovers

    @property
    def handovers_per_s(self) -> float:
        """Hand-overs per second."""
        return self.reading.handovers_per_s

    @property
    def threads(self) -> tuple[GilThread, ...]:
        """Who held it, the largest share first."""
        return self.reading.threads

    @property
    def holds(self) -> HoldLengths:
        """How long it was held at a time."""
        return self.reading.holds

    @property
    def holds_kept(self) -> tuple[Event, ...]:
        """Who held it from when to when, as far as samples show; after the block, and only if requested."""
        from gilscope.telemetry.holders import events_of

        if self._sampler is None or self._state is None or not self._keep:
            return ()
        return events_of(self._sampler.spans()[0], self._names.by_native_id)

    @property
    def timeline(self) -> Timeline:
        """Held share, waiting threads and hand-overs over time."""
        return self.reading.timeline

    @property
    def latency(self) -> Latency | None:
        """How long a thread that wakes up waits for the GIL; None unless requested."""
        return None if self._heartbeat is None else self._heartbeat.latency

    @property
    def samples(self) -> int:
        """Number of samples."""
        return self.reading.samples

    @property
    def rate_hz(self) -> float:
        """Samples per second, on average."""
        return self.reading.rate_hz

    @property
    def interval_s(self) -> float:
        """Mean time between samples."""
        return self.reading.interval_s

    @property
    def report(self) -> GilReport:
        """What is known, with the reasons for what is not."""
        reading, stacks, problem = None, None, self.reason
        if self.available or self._watcher is not None:
            try:
                stacks = self.stacks
                reading = self.reading if self.available else None
            except MeasurementError as error:
                problem = str(error)
        state = self.state
        return GilReport(
            available=reading is not None,
            reason=problem,
            enabled=state.enabled,
            free_threaded_build=state.free_threaded_build,
            switched_on=state.reason,
            waiting_reason=self.waiting_reason,
            threads_reason=self.threads_reason,
            overdue_reason=self.overdue_reason,
            latency=self.latency,
            reading=reading,
            stacks=stacks,
            stacks_reason="" if stacks is not None or not self._lines else self.stacks_reason or problem,
        )

    def to_dict(self) -> dict[str, Any]:
        """Return everything as plain numbers, lists and dicts; without ``available`` the quantities are missing."""
        return self.report.to_dict()
