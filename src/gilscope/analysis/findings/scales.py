"""The case does what the machine can give."""

from __future__ import annotations

from gilscope.analysis.evidence import ScalesEvidence
from gilscope.analysis.findings import smt_limited
from gilscope.analysis.findings._view import SCALES_FROM, CaseView, Finding, above

CURE = ""

BEATEN = 1.05
"""Relative efficiency above which a control on shared cores was certainly not the limit."""


def find(view: CaseView) -> Finding | None:
    """Name it where the whole interval is above the limit, or above that share of the workers, whatever the control
    reads; more workers than CPUs never scale."""
    relative = view.basis.relative_efficiency
    if not view.decidable or view.over_subscribed or view.case.workers == 1:
        return None
    if not above(relative, SCALES_FROM) and not view.near_ideal:
        return None
    # Shared cores give code with pauses more than they give the control, which then is no limit to compare with.
    if above(relative, BEATEN) and smt_limited.find(view) is not None:
        return None
    if view.held_back or view.superlinear:
        return None
    # Where the machine gave no more than one CPU, even a case that gains nothing reaches all of it.
    control = view.basis.control
    if control is not None and not above(control, 1.0 / SCALES_FROM) and not view.near_ideal:
        return None
    evidence = ScalesEvidence(relative_efficiency=relative, speedup=view.basis.speedup, basis=view.basis.label)
    return Finding(code="scales", evidence=evidence)
