"""What the findings about the GIL share: how much it costs, and what held it."""

from __future__ import annotations

from gilscope.analysis.columns import averaged
from gilscope.analysis.evidence import GilEvidence
from gilscope.analysis.findings._view import WORTH, CaseView, above, below
from gilscope.stats import Estimate

SATURATED = 0.9
"""Held share from which the GIL is the bottleneck: what is in use all the time bounds the throughput, and
waiting anywhere is waiting for it (utilisation law; Lazowska et al., Quantitative System Performance, 1984, 3.3)."""

IN_C = 0.1
"""Share of held time after a release was requested from which C code is to blame: byte code answers at its next jump or
call, below 0.03 in measurements; calls of 3 ms reach about 0.2, of 20 ms 0.75."""

CONSEQUENCES = frozenset(
    {
        "over_subscribed",
        "quota_limited",
        "contention",
        "dispatch_bound",
        "imbalance",
        "gil_or_lock",
        "lock_bound",
        "too_noisy",
    }
)
"""One thread at a time: the others wait for the GIL, or at a barrier for one that waits; more CPUs would not help."""


def saturated(view: CaseView) -> bool:
    """Whether the GIL was in use all the time."""
    return view.gil.held is not None and view.gil.held.low >= SATURATED


def most_waited(view: CaseView) -> float:
    """Return the largest fraction of p * T(p) that waiting for the GIL can be, without knowing who waits.

    While one thread holds it the other p - 1 wait at most; while nobody holds it nobody waits.
    """
    held = view.gil.held
    return min(1.0, held.high) * (1.0 - 1.0 / view.case.workers) if held is not None else 1.0


def all_under_it(view: CaseView) -> bool:
    """Whether, where waiting threads cannot be counted, the held share says that they wait for the GIL.

    It does where all that the workers compute is computed with the GIL held, so that it is what they take turns with,
    and where that is enough to make them wait as long as they were blocked.
    """
    held, account = view.gil.held, view.account
    if held is None or account is None or view.gil.waiting is not None or view.case.executor != "threads":
        return False
    busy, blocked = averaged(account.cpu_per_wall), view.lost("blocked")
    if busy is None or blocked is None or not below(view.lost("run_queue"), WORTH):  # queues keep CPUs idle too
        return False
    others = 1.0 - 1.0 / view.case.workers
    return held.value >= SATURATED * busy.value and held.value * others >= blocked.value


def cost(view: CaseView) -> Estimate | None:
    """Estimate the fraction of p * T(p) lost to the GIL.

    The time threads waited for it; where it was in use all the time, whatever they waited for, because then they wait
    at barriers for threads that wait for the GIL. Where the waiting threads cannot be counted, what they were blocked
    counts if it is the GIL that they take turns with.
    """
    if view.account is None or view.case.executor != "threads" or not view.gil.available:
        return None
    if saturated(view):
        return view.account.lost("gil_wait", "run_queue", "dispatch", "imbalance", "blocked")
    return view.account.lost("gil_wait", "blocked") if all_under_it(view) else view.lost("gil_wait")


def share(view: CaseView) -> float:
    """Return the share certainly worth naming, at most 1 - 1/p, which is what one thread at a time leaves; else 0.

    No more than goes away without it: a worker that has all the work is as slow without a GIL.
    A GIL in use all the time limits the case whatever the machine gave, so the control counts only otherwise.
    """
    lost, short = cost(view), view.held_back or (saturated(view) and view.below_ideal)
    most = min(1.0 - 1.0 / view.case.workers, view.without_waits)
    return min(lost.value, most) if short and above(lost, WORTH) else 0.0


def in_c(overdue: Estimate | None, *, starved: float = 0.0) -> bool | None:
    """Whether code keeps the GIL that does not answer requests, as byte code does; None where that is open.

    A holder could not answer for the share ``starved`` of the held time, because it had no CPU.
    """
    if overdue is None:
        return None
    return True if overdue.low > max(IN_C, starved) else None if overdue.high > IN_C else False


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
        culprit=gil.culprit,
    )
