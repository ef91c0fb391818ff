"""The result file: JSON lines that are only ever appended to, and read back without trusting them."""

from __future__ import annotations

from gilscope.results.reader import load
from gilscope.results.schema import RESULT_NAME
from gilscope.results.writer import ResultWriter

__all__ = ["RESULT_NAME", "ResultWriter", "load"]
