"""More workers than CPUs they may use."""

from __future__ import annotations

from gilscope.analysis.evidence import OverSubscribedEvidence
from gilscope.analysis.findings._view import WORTH, CaseView, Finding, above, beyond_cpus

CURE = "use no more workers than usable CPUs"
EXPLAINS = frozenset({"imbalance", "dispatch_bound", "lock_bound", "too_noisy", "contention", "smt_limited"})


def find(view: CaseView) -> Finding | None:
    """Name it where workers beyond the usable CPUs queued for them."""
    queued = view.lost("run_queue")
    if not view.over_subscribed or not view.below_ideal or not above(queued, WORTH):
        return None
    usable = int(view.cpus["count"])
    evidence = OverSubscribedEvidence(run_queue=queued, usable_cpus=usable, limit=str(view.cpus.get("detail") or ""))
    return Finding(code="over_subscribed", evidence=evidence, share=min(queued.value, beyond_cpus(view, usable)))
