"""The same work takes more CPU time when workers share objects, cache lines or an allocator."""

from __future__ import annotations

from gilscope.analysis.columns import averaged
from gilscope.analysis.evidence import ContentionEvidence
from gilscope.analysis.findings._view import WORTH, CaseView, Finding, above

__all__ = ["CURE", "EXPLAINS", "find"]

CURE = (
    "give each worker objects and cache lines of its own (copies, padding to 64 bytes, private accumulators), "
    "and combine at the end"
)
EXPLAINS: frozenset[str] = frozenset()


def find(view: CaseView) -> Finding | None:
    """Name it where the CPU time grew beyond that of isolated workers on private copies.

    Not for threads of a native runtime: theirs spin while they wait, which is CPU time too.
    """
    if view.case.executor == "native" or not view.falls_short:
        return None
    grown = averaged(view.ceiling.inflation_software)
    if grown is None or not (above(grown, WORTH) and above(view.lost("inflation"), WORTH)):
        return None
    seen = ContentionEvidence(
        inflation=view.lost("inflation"),
        inflation_software=grown,
        isolated=averaged(view.ceiling.isolated),
        isolated_of=view.ceiling.isolated_of,
    )
    return Finding(code="contention", evidence=seen, share=grown.value)
