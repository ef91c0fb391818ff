"""Workers sleep inside their work: they wait for a lock, for I/O or for time to pass."""

from __future__ import annotations

from gilscope.analysis.columns import averaged
from gilscope.analysis.evidence import LockEvidence
from gilscope.analysis.findings import _gil
from gilscope.analysis.findings._view import WORTH, CaseView, Finding, above
from gilscope.stats import Estimate

CURE = "hold locks for less time or split them, and overlap I/O with computing"


def find(view: CaseView) -> Finding | None:
    """Name it where workers neither ran, nor queued, nor waited for the GIL, beyond what T(1) did.

    Where nobody can count who waits for the GIL, beyond what its held share may account for: see ``gil_or_lock``.
    """
    one_gil = view.case.one_gil and view.gil.enabled is not False
    if not (view.held_back and view.idles) or view.gil.shared or (one_gil and not view.gil.available):
        return None
    blocked, account = _blocked(view), view.account
    beyond = _gil.most_waited(view) if one_gil and view.gil.waiting is None else 0.0
    if account is None or not above(blocked, WORTH + beyond) or not view.without_waits:
        return None
    waited = account.fractions["imbalance"]
    for_blocked = averaged({at: waited[at] - max(0.0, account.uneven[at]) for at in waited})
    followed = max(0.0, for_blocked.value) if for_blocked is not None and not view.over_subscribed else 0.0
    evidence = LockEvidence(blocked=blocked, gil_wait=view.lost("gil_wait"))
    share = min(blocked.value - beyond + followed, view.without_waits)
    return Finding(code="lock_bound", evidence=evidence, share=share)


def _blocked(view: CaseView) -> Estimate | None:
    """Estimate the blocked time; where no clock tells it from queueing, what it is beyond that of the control.

    Workers of the control never sleep: what they neither ran was queueing. More workers than CPUs queue unlike it.
    """
    account = view.account
    if view.lost("run_queue", "stolen") is not None:
        return view.lost("blocked")
    if account is None or view.control_account is None or view.over_subscribed:
        return None
    return averaged(view.beyond_control(account.fractions["blocked"], "blocked"))
