"""histogram in plain Python."""

from __future__ import annotations

from gilscope.spec import Buffers, Params

__all__ = ["py_loop"]

_BINS = 256
_PIECE = 65536  # values at a time: the floats of one piece stay in the caches


def py_loop(phase: int, lo: int, hi: int, params: Params, buffers: Buffers) -> list[int]:
    """Count values [lo, hi); return the counts per bin."""
    values = buffers["values"]
    bins = [0] * _BINS
    for first in range(lo, hi, _PIECE):
        for value in values[first : min(first + _PIECE, hi)].tolist():
            bins[int(value * _BINS)] += 1
    return bins
