"""Handing out the work and waking workers costs a good part of the work itself."""

from __future__ import annotations

from gilscope.analysis.evidence import DispatchEvidence
from gilscope.analysis.findings._view import WORTH, CaseView, Finding, above

CURE = "use larger or fewer tasks (--chunks), reuse workers, share memory instead of pickling"


def find(view: CaseView) -> Finding | None:
    """Name it where messages, pickling, wake-ups and combining certainly cost more than is worth naming."""
    lost = view.lost("dispatch")
    if not (view.held_back and view.idles) or not above(lost, WORTH):
        return None
    wall = view.figures.wall_s
    evidence = DispatchEvidence(dispatch=lost, wall_s=wall, chunks=view.case.chunks, transport=view.case.transport)
    return Finding(code="dispatch_bound", evidence=evidence, share=lost.value)
