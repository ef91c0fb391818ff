"""The GIL of a running program as Prometheus metrics, for a server that runs for weeks.

The figures are those of ``GilMonitor``, as counters that only grow: ``rate(python_gil_held_seconds_total[1m])`` is the
share of the time during which the GIL was held, ``rate(python_gil_waiting_thread_seconds_total[1m])`` the mean number
of threads that waited for it. Needs ``pip install 'gilscope[prometheus]'``.
"""

from __future__ import annotations

import atexit
import os
import threading
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from gilscope.core.errors import UnavailableError
from gilscope.core.units import NS_PER_S
from gilscope.env.interpreter import gil_enabled
from gilscope.telemetry.gil import part_reason
from gilscope.telemetry.sampler import make_sampler

if TYPE_CHECKING:
    from prometheus_client import CollectorRegistry, Metric

    from gilscope.telemetry._gilprobe import Sampler, Snapshot

_FORKED = "this process was forked from the one that measured: call gilscope.metrics.prometheus() in it"
_STOPPED = "stopped"

# Name without "_total", the part of the probe it needs, help, value; names as in prometheus.io/docs/practices/naming.
_COUNTERS: tuple[tuple[str, str, str, Callable[[Snapshot], float]], ...] = (
    ("python_gil_observed_seconds", "held", "Time the GIL was observed.", lambda t: t["wall_ns"] / NS_PER_S),
    ("python_gil_held_seconds", "held", "Time some thread held the GIL.", lambda t: t["held_ns"] / NS_PER_S),
    (
        "python_gil_waiting_thread_seconds",
        "waiting",
        "Time threads waited for the GIL, summed over threads.",
        lambda t: t["waiting_ns"] / NS_PER_S,
    ),
    (
        "python_gil_contended_seconds",
        "waiting",
        "Time the GIL was held while at least one thread waited for it.",
        lambda t: t["contended_ns"] / NS_PER_S,
    ),
    (
        "python_gil_overdue_seconds",
        "overdue",
        "Time the GIL was kept after another thread had asked for it.",
        lambda t: t["overdue_ns"] / NS_PER_S,
    ),
    ("python_gil_handoffs", "held", "Times the GIL went to another thread.", lambda t: float(t["switches"])),
    ("python_gil_probe_cpu_seconds", "held", "CPU time of the sampler.", lambda t: t["cpu_ns"] / NS_PER_S),
)

_running: dict[CollectorRegistry, GilMetrics] = {}


class GilMetrics:
    """The collector that ``prometheus`` registers; ``stop`` ends it, as does leaving a ``with`` block."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._registry = registry
        self._lock = threading.Lock()
        self._sampler: Sampler | None = None
        self._pid = 0
        self._last: dict[str, float] = {}

    def start(self) -> None:
        """Begin to measure in this process; where it already does, nothing happens."""
        if self._pid != os.getpid():  # the first time, or in a forked child, which has no sampler thread
            self._lock, self._sampler, self._last, self._pid = threading.Lock(), None, {}, os.getpid()
            atexit.register(self.stop)
        with self._lock:
            if self._sampler is None and not part_reason("held"):
                sampler = make_sampler(identify=False)
                sampler.start()
                self._sampler = sampler

    def stop(self) -> None:
        """Stop measuring and leave the registry; a second call does nothing."""
        if _running.get(self._registry) is not self:
            return
        del _running[self._registry]
        self._registry.unregister(self)
        atexit.unregister(self.stop)
        with self._lock:
            if self._sampler is not None:
                self._sampler.stop()
                self._sampler = None

    def __enter__(self) -> GilMetrics:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def available(self) -> bool:
        """Whether the GIL is being measured in this process."""
        return not self.reason

    @property
    def reason(self) -> str:
        """Why it is not; empty when it is."""
        if _running.get(self._registry) is not self:
            return _STOPPED
        if self._pid != os.getpid():
            return _FORKED
        return part_reason("held") if self._sampler is None else ""

    def describe(self) -> Iterator[Metric]:
        """Yield all families without samples: what the registry checks for duplicates."""
        from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, InfoMetricFamily

        yield GaugeMetricFamily("python_gil_enabled", "Whether the interpreter has a GIL now.")
        yield InfoMetricFamily("python_gil_probe", "Whether the GIL is measured, and why not.")
        for name, _, text, _ in _COUNTERS:
            yield CounterMetricFamily(name, text)

    def collect(self) -> Iterator[Metric]:
        """Yield what is known now; the counters only where the GIL is measured."""
        from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, InfoMetricFamily

        if self._pid == os.getpid():
            self.start()  # on a free-threaded build the GIL may have come back
        yield GaugeMetricFamily("python_gil_enabled", "Whether the interpreter has a GIL now.", value=gil_enabled())
        known = {"available": str(self.available).lower(), "reason": self.reason}
        if self.available:
            known["waiting_reason"] = part_reason("waiting")
        yield InfoMetricFamily("python_gil_probe", "Whether the GIL is measured, and why not.", value=known)
        for name, text, value in self._counters():
            yield CounterMetricFamily(name, text, value=value)

    def _counters(self) -> list[tuple[str, str, float]]:
        if not self.available:
            return []
        with self._lock:
            if self._sampler is None:
                return []
            snapshot = self._sampler.snapshot()
            found = []
            for name, part, text, value in _COUNTERS:
                if not part_reason(part):
                    # A counter that went back by a rounding would look as if the process had been started anew.
                    self._last[name] = max(self._last.get(name, 0.0), value(snapshot))
                    found.append((name, text, self._last[name]))
        return found


def prometheus(registry: CollectorRegistry | None = None) -> GilMetrics:
    """Measure the GIL of this process from now on and offer it to Prometheus.

    A native thread samples the interpreter's lock and never takes it, for below 1 % of a CPU. Called again it returns
    the collector that is running. A forked child measures nothing until it calls this too: under gunicorn in
    ``post_fork``.

    Parameters
    ----------
    registry : prometheus_client.CollectorRegistry, optional
        Where to register; by default ``prometheus_client.REGISTRY``.

    Returns
    -------
    GilMetrics
        Where the GIL cannot be measured, ``available`` is False and ``reason`` says why; scrapes say it too, in
        ``python_gil_probe_info``.

    Raises
    ------
    UnavailableError
        If prometheus_client is not installed.
    """
    try:
        from prometheus_client import REGISTRY
    except ImportError as error:
        raise UnavailableError(
            f"prometheus_client cannot be imported ({error})", "pip install 'gilscope[prometheus]'"
        ) from None
    registry = REGISTRY if registry is None else registry
    metrics = _running.get(registry)
    if metrics is None:
        metrics = GilMetrics(registry)
        registry.register(metrics)
        _running[registry] = metrics
    metrics.start()
    return metrics
