"""The memory system gives less per worker the more workers there are."""

from __future__ import annotations

from gilscope.analysis.columns import averaged
from gilscope.analysis.evidence import MemoryEvidence
from gilscope.analysis.findings._view import WORTH, CaseView, Finding, above

CURE = "do more with each byte (cache blocking, fused passes, smaller types); more workers will not help"


def find(view: CaseView) -> Finding | None:
    """Name it where private copies fall short of the spin control, and took more CPU time doing so."""
    ceiling, inflation = view.ceiling, view.lost("inflation")
    short, grown = averaged(ceiling.memory), view.without_faults(ceiling.inflation_memory)
    if (
        not view.held_back
        or grown is None
        or not (above(short, WORTH) and above(grown, WORTH) and above(inflation, WORTH))
    ):
        return None
    evidence = MemoryEvidence(
        inflation=inflation,
        inflation_memory=grown,
        memory=short,
        spin=averaged(ceiling.spin),
        isolated=averaged(ceiling.isolated),
        isolated_of=ceiling.isolated_of,
    )
    return Finding(code="memory_bound", evidence=evidence, share=view.with_waits(grown))
