"""The case does what the machine can give."""

from __future__ import annotations

from gilscope.analysis.columns import estimated
from gilscope.analysis.findings._view import SCALES_FROM, CaseView, Finding, above, known

__all__ = ["CURE", "EXPLAINS", "find"]

CURE = ""
EXPLAINS: frozenset[str] = frozenset()


def find(view: CaseView) -> Finding | None:
    """Say so where the whole interval lies above the limit; more workers than CPUs never scale."""
    figures = view.figures
    if view.status != "ok" or view.over_subscribed or view.case.workers == 1:
        return None
    if not above(figures.relative_efficiency, SCALES_FROM):
        return None
    # Where the machine gave no more than one CPU, even a case that gains nothing reaches all of it.
    spin = estimated(view.ceiling.spin)
    if spin is not None and not above(spin, 1.0 / SCALES_FROM):
        return None
    return Finding(
        code="scales", evidence=known(relative_efficiency=figures.relative_efficiency, speedup=figures.speedup)
    )
