"""What stops a case from scaling: named causes with evidence and fix, one file each.

A finding module has ``find(view) -> Finding | None``, a pure function of one case; ``CURE``, what to do; and, where it
has consequences that are findings too, their codes in ``EXPLAINS``.
"""

from __future__ import annotations

import importlib
from functools import cache
from types import ModuleType

from gilscope.analysis.findings._view import ENOUGH, CaseView, Finding, Severity

__all__ = ["ENOUGH", "FINDINGS", "CaseView", "Finding", "Severity", "cure_of", "judge"]

FINDINGS = (
    "too_noisy",
    "scales",
    "not_repeatable",
    "too_short",
    "superlinear",
    "page_faults",
    "nested_parallelism",
    "gil_re_enabled",
    "gil_held_in_c",
    "gil_bound",
    "quota_limited",
    "over_subscribed",
    "stolen",
    "smt_limited",
    "memory_bound",
    "contention",
    "inflation",
    "dispatch_bound",
    "imbalance",
    "lock_bound",
    "gil_or_lock",
    "scales_partly",
)

_OF_NESTED = (
    "not_repeatable",
    "too_short",
    "too_noisy",
    "scales",
    "superlinear",
    "page_faults",
    "nested_parallelism",
)  # the only findings that a nested case can have


@cache
def _module(code: str) -> ModuleType:
    return importlib.import_module(f"gilscope.analysis.findings.{code}")


def cure_of(code: str) -> str:
    """Return the fix of a finding; empty where there is nothing to fix."""
    cure: str = _module(code).CURE
    return cure


def judge(view: CaseView) -> list[Finding]:
    """Return the findings of a case that no larger finding explains, the largest loss first."""
    *causes, otherwise = FINDINGS
    candidates = [_module(code).find(view) for code in (_OF_NESTED if view.nested else causes)]
    kept: list[Finding] = []
    for found in sorted(filter(None, candidates), key=lambda found: -found.share):
        if not any(found.code in getattr(_module(larger.code), "EXPLAINS", ()) for larger in kept):
            kept.append(found)
    if not kept and not view.nested and (found := _module(otherwise).find(view)) is not None:
        kept.append(found)
    return kept
