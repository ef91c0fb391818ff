"""Threads wait for the GIL, and byte code or short calls hold it."""

from __future__ import annotations

from gilscope.analysis.columns import averaged
from gilscope.analysis.evidence import GilEvidence
from gilscope.analysis.findings import _gil
from gilscope.analysis.findings._view import WORTH, CaseView, Finding, above, below

CURE = "use processes, free-threaded Python, or code that releases the GIL (Cython nogil, Numba nogil=True)"
EXPLAINS = _gil.CONSEQUENCES

ONE_CPU = 1.15
"""CPUs busy on average up to which p threads are like one at a time: 1, and what hand-offs overlap."""

AWAKE = 0.02
"""Share of T(1) that may be neither running nor runnable for the signature to mean the GIL and not sleep or I/O."""


def find(view: CaseView) -> Finding | None:
    """Name the GIL where the probe found threads waiting for it, or where the CPU time has its signature."""
    share = _gil.share(view)
    if share and not _gil.in_c(view.gil.overdue):
        return Finding(code="gil_bound", evidence=_gil.evidence(view), share=share)
    return _by_signature(view) if not view.gil.available else None


def _by_signature(view: CaseView) -> Finding | None:
    """Judge by CPU time where there is no probe: p threads that keep one CPU busy, do not queue and did not sleep."""
    account = view.account
    threads = view.case.executor == "threads" or view.gil.shared
    if account is None or not threads or view.gil.enabled is not True or not view.falls_short:
        return None
    busy, queued, slept = averaged(account.cpu_per_wall), view.lost("run_queue"), averaged(account.single_blocked)
    waits = ("blocked", "imbalance", "dispatch") if view.gil.shared else ("blocked", "imbalance")
    locked = account.lost(*waits)
    if not (below(busy, ONE_CPU) and below(queued, WORTH) and below(slept, AWAKE) and above(locked, WORTH)):
        return None
    evidence = GilEvidence(lost=locked, cpu_per_wall=busy, run_queue=queued, probe=f"unavailable: {view.gil.reason}")
    return Finding(code="gil_bound", evidence=evidence, share=min(locked.value, 1.0 - 1.0 / view.case.workers))
