"""The times scatter too much to decide, or other programs used the CPUs."""

from __future__ import annotations

from gilscope.analysis.columns import averaged
from gilscope.analysis.evidence import NoiseEvidence
from gilscope.analysis.findings._view import SCALES_FROM, WORTH, CaseView, Finding, above, trusted
from gilscope.stats import Estimate

CURE = "stop other programs, or use a larger --budget"
EXPLAINS = frozenset({"dispatch_bound"})  # who lost its CPU starts late and is woken late

UNDECIDED = 0.1
"""Half-width of the relative efficiency from which an interval around the limit is noise, whatever else was found."""


def find(view: CaseView) -> Finding | None:
    """Name it where the interval is too wide, or where workers that have enough CPUs queued for them."""
    relative = view.basis.relative_efficiency
    if not view.decidable:
        return Finding(code="too_noisy", evidence=NoiseEvidence(speedup=view.basis.speedup, swing=view.swing))
    if trusted(relative) and relative.low <= SCALES_FROM <= relative.high and not view.near_ideal:
        return undecided(view, relative) if (relative.high - relative.low) / 2 > UNDECIDED else None
    queued = view.lost("run_queue")
    if view.over_subscribed or not view.below_ideal or not above(queued, WORTH):
        return None
    if view.account is not None and above(averaged(view.account.throttled), WORTH):
        return None
    return Finding(code="too_noisy", evidence=NoiseEvidence(run_queue=queued, swing=view.swing), share=queued.value)


def undecided(view: CaseView, relative: Estimate) -> Finding:
    """Say between which shares of the machine's limit the case is."""
    noise = NoiseEvidence(relative_efficiency=relative, basis=view.basis.label, swing=view.swing)
    return Finding(code="too_noisy", evidence=noise)
