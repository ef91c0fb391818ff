"""Memory that was given back to the system between calls is faulted in again by every call."""

from __future__ import annotations

from gilscope.analysis.columns import averaged
from gilscope.analysis.evidence import FaultEvidence
from gilscope.analysis.findings._view import MODERATE, CaseView, Finding, above
from gilscope.core.memory import KEPT, ONE_ARENA

_VARIABLES = [f"{name}={value}" for name, value in (KEPT | ONE_ARENA).items()]
CURE = (
    f"reuse arrays (out=), or let glibc keep memory: {' '.join(_VARIABLES[:-1])}; "
    f"for arrays above 64 MiB in threads also {_VARIABLES[-1]}"
)
# Workers fault in the same address space one at a time, and T(1) is not what one worker could do.
EXPLAINS = frozenset({"contention", "inflation", "scales", "scales_partly"})


def find(view: CaseView) -> Finding | None:
    """Name it where they certainly take a good part of T(1) or of T(p)."""
    account = view.account
    if account is None or not account.faults:
        return None
    share, single_share = averaged(account.fault_share), averaged(account.single_fault_share)
    if share is None or not (above(share, MODERATE) or above(single_share, MODERATE)):
        return None
    evidence = FaultEvidence(
        faults=averaged(account.faults),
        single_faults=averaged(account.single_faults),
        fault_share=share,
        single_fault_share=single_share,
    )
    return Finding(code="page_faults", evidence=evidence, share=max(0.0, share.value))
