"""How long a thread that wakes up waits for the GIL, in words."""

from __future__ import annotations

from gilscope.report.figures import interval, seconds
from gilscope.telemetry.latency import Latency

_CONVOY = 0.5  # switch intervals of waiting from which a thread usually waits for another to be asked


def latency_text(latency: Latency) -> str:
    """Write the quantiles, each with its interval or why there is none, and what an I/O thread pays."""
    if latency.median_s is None:
        return f"n/a: {latency.reason}"
    quantiles = {"median": latency.median_s, "p95": latency.p95_s, "p99": latency.p99_s}
    known = [f"{name} {interval(value, seconds)}" for name, value in quantiles.items() if value is not None]
    found = f"{', '.join(known)}, from {latency.samples} wake-ups"
    why = f"; n/a: {latency.reason}" if latency.reason else ""
    return f"a thread that wakes up waits for the GIL: {found}{why}. {_price(latency)}"


def _price(latency: Latency) -> str:
    """Compare the median with the switch interval."""
    unit, median = latency.switch_interval_s, latency.median_s
    assert median is not None
    if median.high < _CONVOY * unit:
        return f"Mostly it waits for less than half of the {seconds(unit)} switch interval."
    return (
        f"The median is {median.value / unit:.1f} times the {seconds(unit)} switch interval: an I/O thread pays "
        "it each time it has released the GIL, however short its own work (the convoy effect)."
    )
