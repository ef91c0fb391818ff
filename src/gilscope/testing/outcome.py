"""What every gate says: that the machine cannot tell, and the numbers."""

from __future__ import annotations

from typing import Any

from gilscope.analysis.to_json import part_to_json
from gilscope.core.errors import MeasurementError
from gilscope.stats import Estimate

__all__ = ["Undecided", "shown", "values_of"]


class Undecided(MeasurementError):  # noqa: N818 - an outcome, not an error of anybody
    """The machine cannot tell whether the threshold is met; the message has the numbers."""


def values_of(estimate: Estimate | None) -> dict[str, Any] | None:
    """Return an estimate as the analysis document writes it."""
    found: dict[str, Any] | None = part_to_json(estimate)
    return found


def shown(estimate: Estimate | None) -> str:
    if estimate is None:
        return "unknown"
    return f"{estimate.value:.2f} [{estimate.low:.2f}, {estimate.high:.2f}]"
