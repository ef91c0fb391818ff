"""Workers sleep inside their work: they wait for a lock, for I/O or for time to pass."""

from __future__ import annotations

from gilscope.analysis.evidence import LockEvidence
from gilscope.analysis.findings._view import WORTH, CaseView, Finding, above

CURE = "hold locks for less or split them, and overlap waiting for I/O with computing"


def find(view: CaseView) -> Finding | None:
    """Name it where workers neither ran, nor queued, nor waited for the GIL, beyond what T(1) did."""
    known = view.gil.available or view.gil.enabled is False or not view.case.one_gil
    others, blocked = view.lost("run_queue", "stolen"), view.lost("blocked")
    if not (view.held_back and view.idles) or not known or others is None or not above(blocked, WORTH):
        return None
    evidence = LockEvidence(blocked=blocked, gil_wait=view.lost("gil_wait"))
    return Finding(code="lock_bound", evidence=evidence, share=blocked.value)
