"""What every gate says: that the machine cannot tell, and the numbers."""

from __future__ import annotations

from typing import Any

from gilscope.errors import MeasurementError
from gilscope.stats import Estimate

__all__ = ["Undecided", "shown", "values_of"]


class Undecided(MeasurementError):  # noqa: N818 - an outcome, not an error of anybody
    """The machine cannot tell whether the threshold is met; the message has the numbers."""


def values_of(estimate: Estimate | None) -> dict[str, Any] | None:
    """Return an estimate as the analysis document writes it."""
    if estimate is None:
        return None
    values = {name: getattr(estimate, name) for name in ("value", "low", "high", "confidence")}
    return {**values, "blocks": estimate.n}


def shown(estimate: Estimate | None) -> str:
    if estimate is None:
        return "unknown"
    return f"{estimate.value:.2f} [{estimate.low:.2f}, {estimate.high:.2f}]"
