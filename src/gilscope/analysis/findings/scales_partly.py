"""Between scaling and not, and no single cause is large enough to be named."""

from __future__ import annotations

from gilscope.analysis.evidence import PartlyEvidence
from gilscope.analysis.findings._view import SCALES_FROM, SURELY_LESS, CaseView, Finding, above, trusted
from gilscope.analysis.findings.too_noisy import undecided
from gilscope.analysis.losses import LOSSES

CURE = ""

CLOSE = 0.03
"""Half-width of the relative efficiency beyond which a case whose interval reaches to ``SURELY_LESS`` may well scale.
Slow moments of single CPUs are seen in part, and cost several workers, who wait for the last, some per cent more than
one."""

_NOT_ITS_OWN = ("run_queue", "stolen")  # the net speed-up has them no more


def find(view: CaseView) -> Finding | None:
    """Say so with the largest loss, or that it is open; ``judge`` asks only where nothing else was found."""
    relative = view.basis.relative_efficiency
    if not view.decidable or view.over_subscribed or view.case.workers == 1 or not trusted(relative):
        return None
    if view.basis.control is not None and not above(view.basis.control, 1.0 / SCALES_FROM):
        return None  # where the machine gave no more than one CPU, nobody scales
    if relative.high > SURELY_LESS and (relative.high - relative.low) / 2 > CLOSE:
        return undecided(view, relative) if relative.low <= SCALES_FROM else None
    names = [name for name in LOSSES if name not in ("residual", *(_NOT_ITS_OWN if view.basis.label else ()))]
    missing = 1.0 - relative.low
    losses = {
        name: lost for name in names if (lost := view.lost(name)) is not None and lost.low > 0 and lost.value <= missing
    }
    largest = max(losses, key=lambda name: losses[name].value, default="")
    evidence = PartlyEvidence(
        relative_efficiency=relative,
        speedup=view.basis.speedup,
        basis=view.basis.label,
        largest=largest,
        lost=losses.get(largest),
    )
    return Finding(code="scales_partly", evidence=evidence)
