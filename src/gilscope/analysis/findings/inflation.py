"""The same work takes more CPU time the more workers there are; what for, no control tells."""

from __future__ import annotations

from gilscope.analysis.columns import averaged
from gilscope.analysis.evidence import InflationEvidence
from gilscope.analysis.findings import contention, memory_bound, smt_limited
from gilscope.analysis.findings._view import WORTH, CaseView, Finding, above

CURE = "touch less memory, allocate less, and give each worker objects of its own"


def find(view: CaseView) -> Finding | None:
    """Name it where the CPU time grew beyond that of the control, and no other finding says what for.

    Not for threads of a native runtime: theirs spin while they wait, which is CPU time too.
    """
    if any(known.find(view) for known in (contention, memory_bound, smt_limited)):
        return None
    lost, account, control = view.lost("inflation"), view.account, view.control_account
    if view.case.executor == "native" or not view.falls_short or account is None or not above(lost, WORTH):
        return None
    of_machine = control.fractions["inflation"] if control is not None else {}
    own = view.without_faults(
        {at: grown - max(0.0, of_machine.get(at, 0.0)) for at, grown in account.fractions["inflation"].items()}
    )
    if not above(own, WORTH):
        return None
    evidence = InflationEvidence(inflation=lost, cpu_ratio=averaged(account.cpu_ratio))
    return Finding(code="inflation", evidence=evidence, share=own.value)
