"""A call is hardly longer than calling anything: what is timed is the loop around it."""

from __future__ import annotations

from gilscope.analysis.evidence import ShortEvidence
from gilscope.analysis.findings._view import CaseView, Finding

CURE = "profile a function that makes many such calls"
EXPLAINS = frozenset({"scales", "scales_partly", "too_noisy", "superlinear", "imbalance", "inflation", "contention"})

FACTOR = 2.0
"""Of an empty function's time: below it, more than half of a call is calling."""


def find(view: CaseView) -> Finding | None:
    """Name it where a call of the user's function took less than twice what one that does nothing does."""
    call_s, empty_s = view.examined.get("call_s"), view.examined.get("empty_s")
    if not call_s or not empty_s or call_s >= FACTOR * empty_s:
        return None
    return Finding(
        code="too_short",
        evidence=ShortEvidence(call_s=call_s, empty_s=empty_s),
        share=1.0 - 1.0 / view.case.workers,
    )
