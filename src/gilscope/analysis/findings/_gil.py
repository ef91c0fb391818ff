"""What the findings about the GIL share: how much it costs, and what held it."""

from __future__ import annotations

from gilscope.analysis.evidence import GilEvidence
from gilscope.analysis.findings._view import WORTH, CaseView, above
from gilscope.stats import Estimate

SATURATED = 0.9
"""Held share from which the GIL is the bottleneck: what is in use all the time bounds the throughput, and
waiting anywhere is waiting for it (utilisation law; Lazowska et al., Quantitative System Performance, 1984, 3.3)."""

IN_C = 0.1
"""Share of held time after a release was requested from which C code is to blame: byte code answers at its next jump or
call, below 0.03 in measurements; calls of 3 ms reach about 0.2, of 20 ms 0.75."""

CONSEQUENCES = frozenset(
    {"over_subscribed", "quota_limited", "contention", "dispatch_bound", "imbalance", "lock_bound", "too_noisy"}
)
"""One thread at a time: the others wait for the GIL, or at a barrier for one that waits; more CPUs would not help."""


def saturated(view: CaseView) -> bool:
    """Whether the GIL was in use all the time."""
    return view.gil.held is not None and view.gil.held.low >= SATURATED


def cost(view: CaseView) -> Estimate | None:
    """Estimate the fraction of p * T(p) lost to the GIL.

    The time threads waited for it; where it was in use all the time, whatever they waited for, because then they wait
    at barriers for threads that wait for the GIL.
    """
    if view.account is None or view.case.executor != "threads" or not view.gil.available:
        return None
    if saturated(view):
        return view.account.lost("gil_wait", "run_queue", "dispatch", "imbalance", "blocked")
    return view.lost("gil_wait")


def share(view: CaseView) -> float:
    """Return the share certainly worth naming, at most 1 - 1/p, which is what one thread at a time leaves; else 0.

    A GIL in use all the time limits the case whatever the machine gave, so the control counts only otherwise.
    """
    lost, short = cost(view), view.held_back or (saturated(view) and view.below_ideal)
    return min(lost.value, 1.0 - 1.0 / view.case.workers) if short and above(lost, WORTH) else 0.0


def held_in_c(view: CaseView) -> bool:
    """Whether the GIL was kept by code that does not answer requests, as byte code does."""
    return view.gil.overdue is not None and view.gil.overdue.low > IN_C


def evidence(view: CaseView, *, switched_on: str = "") -> GilEvidence:
    """Return what the probe sampled."""
    gil = view.gil
    return GilEvidence(
        lost=cost(view),
        gil_wait=view.lost("gil_wait"),
        held=gil.held,
        waiting=gil.waiting,
        overdue=gil.overdue,
        turn_s=gil.turn_s,
        switch_interval_s=gil.switch_interval_s,
        handovers_per_s=gil.handovers_per_s,
        switched_on=switched_on,
    )
