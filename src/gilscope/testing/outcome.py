"""What every gate does with a decision: report it with its numbers, and raise unless it passed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

from gilscope.core.errors import MeasurementError
from gilscope.stats import Estimate

OnDecision: TypeAlias = Callable[[dict[str, Any]], None]


class Undecided(MeasurementError):  # noqa: N818 - an outcome, not an error of anybody
    """The machine cannot tell whether the threshold is met; the message has the numbers."""


def settle(report: OnDecision, decision: dict[str, Any]) -> None:
    """Report a decision; raise AssertionError if it failed, Undecided if it is open."""
    __tracebackhide__ = True  # test runners show the line that demands, not this one
    report(decision)
    if decision["outcome"] == "failed":
        raise AssertionError(decision["message"])
    if decision["outcome"] == "open":
        raise Undecided(decision["message"])


def interval_text(estimate: Estimate | None) -> str:
    """Write ``0.93 [0.90, 0.95]``."""
    if estimate is None:
        return "unknown"
    return f"{estimate.value:.2f} [{estimate.low:.2f}, {estimate.high:.2f}]"
