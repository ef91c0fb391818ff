"""What a result means: every figure recomputed from the rounds, so that old files gain from new analysis.

Reads `records.ResultSet` only; no kernel and nothing of the user is imported.
"""

from __future__ import annotations

from gilscope.analysis.answer import Answer
from gilscope.analysis.build import analyse

__all__ = ["Answer", "analyse"]
