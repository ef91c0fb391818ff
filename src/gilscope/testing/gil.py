"""Gates on how much of its time a function holds the GIL."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from gilscope.analysis.to_json import part_to_json
from gilscope.core.errors import UsageError
from gilscope.stats import Estimate
from gilscope.telemetry.gil import GilMonitor
from gilscope.testing.outcome import OnDecision, interval_text, settle

_WINDOWS_S = (0.5, 1.0, 2.0, 4.0, 8.0)  # after which the held share is judged


@dataclass(slots=True, kw_only=True)
class GilGate:
    """Demands on how much of its time a function holds the GIL. Works on one core.

    Each demand raises AssertionError if it is missed and Undecided if the machine cannot tell; ``report`` receives
    each decision.
    """

    report: OnDecision = lambda decision: None

    def assert_released(self, func: Callable[..., Any], *args: Any, at_least: float = 0.9, **kwargs: Any) -> None:
        """Demand that the GIL is free for a share of the time the function runs."""
        __tracebackhide__ = True  # test runners show the line that demands, not this one
        self._demand(func, args, kwargs, 1.0 - _share(at_least), f"wanted released {at_least:.0%} of the time or more")

    def assert_held_below(self, func: Callable[..., Any], *args: Any, share: float = 0.5, **kwargs: Any) -> None:
        """Demand that the GIL is held for less than a share of the time the function runs."""
        __tracebackhide__ = True
        self._demand(func, args, kwargs, _share(share), f"wanted held less than {share:.0%} of the time")

    def _demand(
        self, func: Callable[..., Any], args: Sequence[Any], kwargs: Mapping[str, Any], limit: float, wanted: str
    ) -> None:
        __tracebackhide__ = True
        held, reason = _held(func, args, kwargs, limit)
        name = getattr(func, "__qualname__", repr(func))
        if held is not None:
            message = f"{name}: the GIL is held {interval_text(held)} of the time, {wanted}"
            outcome = "passed" if held.high <= limit else "failed" if held.low > limit else "open"
        elif reason.startswith("no GIL"):
            message, outcome = f"{name}: {reason}", "passed"
        else:
            message, outcome = f"{name}: the GIL cannot be watched here: {reason}", "open"
        numbers = {"function": name, "limit": limit, "held": part_to_json(held)}
        settle(self.report, {"gate": "gil", "outcome": outcome, "message": message, **numbers})


def _share(value: float) -> float:
    if not 0.0 < value < 1.0:
        raise UsageError(f"share {value!r} must be between 0 and 1: write it like 0.9")
    return value


def _held(
    func: Callable[..., Any], args: Sequence[Any], kwargs: Mapping[str, Any], limit: float
) -> tuple[Estimate | None, str]:
    """Call a function under the GIL probe until its share is on one side of the limit; (None, why) without a probe."""
    func(*args, **kwargs)  # imports, compiles, fills caches
    with GilMonitor() as monitor:
        if not monitor.available:
            return None, monitor.reason
        begin = time.monotonic()
        for until_s in _WINDOWS_S:
            while time.monotonic() - begin < until_s:
                func(*args, **kwargs)
            held = monitor.held
            if held.high <= limit or held.low > limit:
                break
    return held, ""
