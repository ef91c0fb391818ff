"""A cgroup's CPU quota stops the threads."""

from __future__ import annotations

from gilscope.analysis.columns import averaged
from gilscope.analysis.evidence import QuotaEvidence
from gilscope.analysis.findings._view import WORTH, CaseView, Finding, above, beyond_cpus, kept_below

CURE = "raise the quota (cpu.max of the cgroup, --cpus of the container), or use fewer workers"
EXPLAINS = frozenset({"over_subscribed", "imbalance", "dispatch_bound", "lock_bound", "too_noisy", "smt_limited"})


def find(view: CaseView) -> Finding | None:
    """Name the quota where the kernel counted throttled time, or where workers queue that it leaves no CPU for.

    Threads that happen to share a CPU stay below the quota and are not throttled: they queue for what it allows.
    """
    throttled = averaged(view.account.throttled) if view.account is not None else None
    if not view.below_ideal or throttled is None:
        return None
    crowded = view.over_subscribed and view.cpus.get("limit") == "cgroup quota"
    if not above(throttled, WORTH) and not (crowded and above(view.lost("run_queue"), WORTH)):
        return None
    quota = view.cpus.get("quota_cpus")
    allowed = float(quota) if isinstance(quota, int | float) else None
    if allowed is not None and kept_below(view, allowed, throttled.value):
        return None
    share = throttled.value if allowed is None else max(throttled.value, beyond_cpus(view, allowed))
    evidence = QuotaEvidence(throttled=throttled, run_queue=view.lost("run_queue"), quota_cpus=allowed)
    return Finding(code="quota_limited", evidence=evidence, share=share)
