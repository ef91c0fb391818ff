"""The same work takes more CPU time the more workers there are; what for, no control tells."""

from __future__ import annotations

from gilscope.analysis.columns import averaged
from gilscope.analysis.evidence import InflationEvidence
from gilscope.analysis.findings import contention, memory_bound, smt_limited
from gilscope.analysis.findings._view import WORTH, CaseView, Finding, above

CURE = "touch less memory, allocate less, and give each worker its own objects"

SMT_MOST = 1.6
"""Growth of the CPU time beyond the control's up to which code may just gain less by SMT than arithmetic does: no core
does more than so many times the work with two threads of arithmetic."""


def find(view: CaseView) -> Finding | None:
    """Name it where the CPU time grew beyond that of the control, and no other finding says what for.

    Not for threads of a native runtime: theirs spin while they wait, which is CPU time too.
    """
    if any(known.find(view) for known in (contention, memory_bound)):
        return None
    if view.growth <= SMT_MOST and smt_limited.find(view) is not None:
        return None
    lost, account = view.lost("inflation"), view.account
    if view.case.executor == "native" or not view.falls_short or account is None or not above(lost, WORTH):
        return None
    own = view.without_faults(view.beyond_control(account.fractions["inflation"], "inflation"))
    if not above(own, WORTH):
        return None
    evidence = InflationEvidence(inflation=lost, cpu_ratio=averaged(account.cpu_ratio))
    return Finding(code="inflation", evidence=evidence, share=view.with_waits(own))
