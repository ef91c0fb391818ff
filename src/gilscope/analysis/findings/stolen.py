"""The hypervisor gave the CPUs to other guests."""

from __future__ import annotations

from gilscope.analysis.evidence import StolenEvidence
from gilscope.analysis.findings._view import WORTH, CaseView, Finding, above

CURE = "measure on a quieter or a dedicated host"
EXPLAINS = frozenset({"imbalance", "dispatch_bound"})  # one worker loses its CPU, the others wait for it


def find(view: CaseView) -> Finding | None:
    """Name it where the steal clock ran beyond what it did in T(1)."""
    lost = view.lost("stolen")
    if not view.below_ideal or not above(lost, WORTH):
        return None
    return Finding(code="stolen", evidence=StolenEvidence(stolen=lost), share=lost.value)
