"""Workers share physical cores: two hardware threads are not two cores."""

from __future__ import annotations

from gilscope.analysis.columns import averaged
from gilscope.analysis.evidence import SmtEvidence
from gilscope.analysis.findings._view import WORTH, CaseView, Finding, above, kept_below

CURE = "expect what the physical cores give, and compare with one worker per core"


def find(view: CaseView) -> Finding | None:
    """Name it where workers outnumber physical cores and even arithmetic in registers took more CPU time."""
    cores, ceiling = view.cpus.get("physical"), view.ceiling
    if not isinstance(cores, int) or view.case.workers <= cores or view.over_subscribed or not view.below_ideal:
        return None
    if kept_below(view, cores):
        return None
    grown = averaged(ceiling.inflation_machine)
    if not (above(grown, WORTH) and above(averaged(ceiling.machine), WORTH) and above(view.lost("inflation"), WORTH)):
        return None
    evidence = SmtEvidence(inflation_machine=grown, spin=averaged(ceiling.spin), physical_cores=cores)
    return Finding(code="smt_limited", evidence=evidence, share=grown.value)
