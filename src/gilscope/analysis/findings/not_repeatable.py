"""Calls get slower or faster with their number: a cache fills, or an argument grows."""

from __future__ import annotations

import statistics

from gilscope.analysis.columns import averaged
from gilscope.analysis.evidence import RepeatEvidence
from gilscope.analysis.findings._view import CaseView, Finding
from gilscope.stats import trend

CURE = "make every call do the same work: fresh arguments, no cache between calls"
EXPLAINS = frozenset(
    {"superlinear", "scales", "scales_partly", "too_noisy", "too_short", "imbalance", "inflation", "contention"}
)

STEADY = 0.8
"""Kendall's tau of the series with its order that only calls which change with their number reach: where the machine
itself slows down half-way, code that the control does not stand for takes a step, which has 0.5."""

LEAST_BLOCKS, FEW_BLOCKS, MANY_BLOCKS = 4, 9, 18
CHANGED_IN_FEW, CHANGED, GROWN = 1.5, 1.25, 1.1
"""The change from the first to the last third that is no drift: below ``FEW_BLOCKS``, below ``MANY_BLOCKS``, from them
on."""

DIFFERS = 2.0
"""Factor between calls with fresh and with used arguments, or between the arguments' sizes, that is no scatter."""


def find(view: CaseView) -> Finding | None:
    """Name it where the CPU time of T(1) over that of the control changes steadily and its outer thirds do not overlap.

    Or where the function, when it was examined, took longer with fresh arguments and caches, or its arguments grew.
    """
    changed, fresh, growth = _changed(view), view.examined.get("fresh"), view.examined.get("growth")
    fresh = fresh if fresh and fresh >= DIFFERS else None
    growth = growth if growth and not 1.0 / DIFFERS < growth < DIFFERS else None
    if changed is fresh is growth is None:
        return None
    evidence = RepeatEvidence(changed=changed, fresh=fresh, growth=growth)
    return Finding(code="not_repeatable", evidence=evidence, share=1.0 - 1.0 / view.case.workers)


def _changed(view: CaseView) -> float | None:
    series = [view.single_over_spin[at] for at in sorted(view.single_over_spin)]
    if len(series) < LEAST_BLOCKS:
        return None
    third = len(series) // 3
    first, last = series[:third], series[-third:]
    changed = statistics.median(last) / statistics.median(first)
    apart = max(first) < min(last) if changed > 1.0 else min(first) > max(last)
    waits = averaged(view.account.single_blocked) if view.account is not None else None
    if waits is not None:  # the CPU time of a call that mostly sleeps may double, and a call takes as long
        changed = 1.0 + (changed - 1.0) * (1.0 - waits.value)
    least = CHANGED_IN_FEW if len(series) < FEW_BLOCKS else CHANGED if len(series) < MANY_BLOCKS else GROWN
    large = not 1.0 / least < changed < least
    return changed if large and apart and abs(trend(series)) >= STEADY else None
