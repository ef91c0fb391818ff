"""Whether a gate on one quantity passes, fails, or stays open on this machine."""

from __future__ import annotations

from typing import Literal, TypeAlias

from gilscope.stats import Estimate
from gilscope.stats.intervals import DEFAULT_CONFIDENCE

Gate: TypeAlias = Literal["passed", "failed", "open"]
Quantity: TypeAlias = Literal["speedup", "efficiency", "relative_efficiency"]

ONE_AT_A_TIME = 1.05
"""Speed-up of a function whose calls run one at a time, with room for time-slicing. A threshold that such a function
would reach on this machine cannot distinguish the two."""


def gate(quantity: Quantity, threshold: float, found: Estimate | None, control: Estimate | None, workers: int) -> Gate:
    """Compare the estimate of a quantity with its threshold, as far as the machine allows.

    What passes must be out of reach for a function that runs one call at a time. What fails must be within the reach of
    the machine: ``control`` is the speed-up of the control in the same seconds.
    """
    if found is None or control is None or min(found.confidence, control.confidence) < DEFAULT_CONFIDENCE:
        return "open"
    wanted = threshold * {"speedup": 1.0, "efficiency": workers, "relative_efficiency": control.low}[quantity]
    if found.low >= threshold:
        return "passed" if wanted > ONE_AT_A_TIME or workers == 1 else "open"
    if found.high >= threshold:
        return "open"
    within_reach = wanted > ONE_AT_A_TIME if quantity == "relative_efficiency" else control.low >= wanted
    return "failed" if within_reach else "open"
