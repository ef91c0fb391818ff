"""The case does what the machine can give."""

from __future__ import annotations

from gilscope.analysis.columns import estimated
from gilscope.analysis.evidence import ScalesEvidence
from gilscope.analysis.findings._view import SCALES_FROM, WORTH, CaseView, Finding, above, below

CURE = ""


def find(view: CaseView) -> Finding | None:
    """Name it where the whole interval is above the limit; more workers than CPUs never scale."""
    relative, spin = view.basis.relative_efficiency, estimated(view.ceiling.spin)
    if not view.decidable or view.over_subscribed or view.case.workers == 1 or not above(relative, SCALES_FROM):
        return None
    # Without queueing only the workers' own time is compared, so the cost of handing out work must be small as well.
    if view.basis.without_queueing and not below(view.lost("dispatch"), WORTH):
        return None
    # Where the machine gave no more than one CPU, even a case that gains nothing reaches all of it.
    if spin is not None and not above(spin, 1.0 / SCALES_FROM):
        return None
    evidence = ScalesEvidence(relative_efficiency=relative, speedup=view.figures.speedup, basis=view.basis.label)
    return Finding(code="scales", evidence=evidence)
