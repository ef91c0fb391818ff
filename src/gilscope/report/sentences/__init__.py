"""All sentences about an answer. Each words what was decided or estimated elsewhere, and decides nothing."""

from __future__ import annotations

from gilscope.analysis.answer import Answer
from gilscope.analysis.verdict import FunctionVerdict, KernelVerdict
from gilscope.report.sentences import functions, kernels

__all__ = ["closing", "verdict"]


def closing(answer: Answer, kernel: str) -> str:
    """Say what was decided about a kernel, or about the user's functions: the last sentences under a table."""
    found = answer.verdict(kernel)
    return functions.closing(found) if found.functions else kernels.closing(found)


def verdict(answer: Answer, of: KernelVerdict, function: FunctionVerdict | None) -> str:
    """Say one verdict: of a kernel, or of one of the user's functions."""
    return functions.sentence(of, function) if function is not None else kernels.closing(of)
