"""The case does what the machine can give."""

from __future__ import annotations

from gilscope.analysis.columns import estimated
from gilscope.analysis.evidence import ScalesEvidence
from gilscope.analysis.findings._view import SCALES_FROM, WORTH, CaseView, Finding, above, below

__all__ = ["CURE", "EXPLAINS", "find"]

CURE = ""
EXPLAINS: frozenset[str] = frozenset()


def find(view: CaseView) -> Finding | None:
    """Say so where the whole interval lies above the limit; more workers than CPUs never scale."""
    if not view.decidable or view.over_subscribed or view.case.workers == 1:
        return None
    if not above(view.basis.relative_efficiency, SCALES_FROM):
        return None
    # Without queueing only the workers' own time is compared: what handing out the work costs must be small besides.
    if view.basis.without_queueing and not below(view.lost("dispatch"), WORTH):
        return None
    # Where the machine gave no more than one CPU, even a case that gains nothing reaches all of it.
    spin = estimated(view.ceiling.spin)
    if spin is not None and not above(spin, 1.0 / SCALES_FROM):
        return None
    seen = ScalesEvidence(
        relative_efficiency=view.basis.relative_efficiency, speedup=view.figures.speedup, basis=view.basis.label
    )
    return Finding(code="scales", evidence=seen)
