"""Gates for test suites: does a function scale, does it release the GIL? Decided by intervals, or not at all.

Knows nothing of pytest; ``pytest_plugin.py`` turns what is raised here into failures and skips.
"""

from __future__ import annotations

from gilscope.testing.gil import GilGate
from gilscope.testing.outcome import Undecided
from gilscope.testing.scaling import DEFAULT_BUDGET_S, ScalingResult

__all__ = ["DEFAULT_BUDGET_S", "GilGate", "ScalingResult", "Undecided"]
