"""Workers sleep inside their work: they wait for a lock, for I/O or for time to pass."""

from __future__ import annotations

from gilscope.analysis.evidence import LockEvidence
from gilscope.analysis.findings import _gil
from gilscope.analysis.findings._view import WORTH, CaseView, Finding, above

CURE = "hold locks for less or split them, and overlap waiting for I/O with computing"


def find(view: CaseView) -> Finding | None:
    """Name it where workers neither ran, nor queued, nor waited for the GIL, beyond what T(1) did.

    Where nobody can count who waits for the GIL, beyond what its held share may account for: see ``gil_or_lock``.
    """
    one_gil = view.case.one_gil and view.gil.enabled is not False
    others, blocked = view.lost("run_queue", "stolen"), view.lost("blocked")
    if not (view.held_back and view.idles) or others is None or (one_gil and not view.gil.available):
        return None
    beyond = _gil.most_waited(view) if one_gil and view.gil.waiting is None else 0.0
    if not above(blocked, WORTH + beyond):
        return None
    evidence = LockEvidence(blocked=blocked, gil_wait=view.lost("gil_wait"))
    return Finding(code="lock_bound", evidence=evidence, share=blocked.value - beyond)
