"""What stops a case from scaling: named causes with their evidence and their cure, one file each.

A finding module has ``find(view) -> Finding | None``, a pure function of one case; ``CURE``, what to do; and
``EXPLAINS``, the findings that are mere consequences of it. ``judge`` keeps what no kept finding explains, largest loss
first. A file that is not in ``FINDINGS`` is not used; a test compares the two.
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
    "dispatch_bound",
    "imbalance",
    "lock_bound",
    "gil_or_lock",
)

_OF_NESTED = ("too_noisy", "scales", "nested_parallelism")
"""What can be said of a case whose view is nested."""


@cache
def _module(code: str) -> ModuleType:
    return importlib.import_module(f"gilscope.analysis.findings.{code}")


def cure_of(code: str) -> str:
    """Return what to do about a finding; empty where nothing has to be done."""
    cure: str = _module(code).CURE
    return cure


def judge(view: CaseView) -> list[Finding]:
    """Return the findings of a case, the largest loss first; none where nothing can be said for certain."""
    codes = _OF_NESTED if view.nested else FINDINGS
    candidates = [found for code in codes if (found := _module(code).find(view)) is not None]
    kept: list[Finding] = []
    for found in sorted(candidates, key=lambda found: -found.share):
        if not any(found.code in _module(larger.code).EXPLAINS for larger in kept):
            kept.append(found)
    return kept
