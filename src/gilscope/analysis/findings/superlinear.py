"""p workers do more than p times what one does: T(1) suffers from something that T(p) does not."""

from __future__ import annotations

from gilscope.analysis.columns import averaged, estimated
from gilscope.analysis.evidence import SuperlinearEvidence
from gilscope.analysis.findings._view import CaseView, Finding

CURE = "find out what slows one worker down (page faults, caches): fixing that gains more than workers"


def find(view: CaseView) -> Finding | None:
    """Name it with what differs between T(1) and T(p): CPU time and page faults."""
    if not view.superlinear:
        return None
    account = view.account
    evidence = SuperlinearEvidence(
        speedup=view.basis.speedup,
        cpu_ratio=estimated(account.cpu_ratio) if account is not None else None,
        faults=averaged(account.faults) if account is not None else None,
        single_faults=averaged(account.single_faults) if account is not None else None,
    )
    return Finding(code="superlinear", evidence=evidence)
