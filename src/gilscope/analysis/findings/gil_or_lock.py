"""Workers sleep inside their work, and whether it is the GIL they wait for cannot be seen here."""

from __future__ import annotations

from gilscope.analysis.evidence import LockEvidence
from gilscope.analysis.findings import _gil, lock_bound
from gilscope.analysis.findings._view import WORTH, CaseView, Finding, above

CURE = "measure where GIL waiters can be counted (glibc, or CPython 3.15), or compare with processes"


def find(view: CaseView) -> Finding | None:
    """Name it where workers were blocked, the GIL was held and nobody counted who waits for it.

    ``lock_bound`` takes it over where the GIL cannot account for it, findings about the GIL where it does.
    """
    gil, blocked = view.gil, view.lost("blocked")
    if not (view.case.one_gil and gil.available and gil.waiting is None and view.held_back):
        return None
    most = view.without_waits
    if blocked is None or not above(blocked, WORTH) or not most or _gil.share(view) or lock_bound.find(view):
        return None
    evidence = LockEvidence(blocked=blocked, held=gil.held)
    return Finding(code="gil_or_lock", evidence=evidence, share=min(blocked.value, most))
