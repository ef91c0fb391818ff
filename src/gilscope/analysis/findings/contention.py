"""The same work takes more CPU time when workers share objects, cache lines or an allocator."""

from __future__ import annotations

from gilscope.analysis.columns import averaged
from gilscope.analysis.evidence import ContentionEvidence
from gilscope.analysis.findings._view import WORTH, CaseView, Finding, above

CURE = "give each worker its own objects and cache lines, and combine the results at the end"


def find(view: CaseView) -> Finding | None:
    """Name it where the CPU time grew beyond that of isolated workers on private copies.

    Not for threads of a native runtime: theirs spin while they wait, which is CPU time too.
    """
    if view.case.executor == "native" or not view.held_back:
        return None
    grown, inflation = view.without_faults(view.ceiling.inflation_software), view.lost("inflation")
    if not (above(grown, WORTH) and above(inflation, WORTH)):
        return None
    evidence = ContentionEvidence(
        inflation=inflation,
        inflation_software=grown,
        isolated=averaged(view.ceiling.isolated),
        isolated_of=view.ceiling.isolated_of,
    )
    return Finding(code="contention", evidence=evidence, share=view.with_waits(grown))
