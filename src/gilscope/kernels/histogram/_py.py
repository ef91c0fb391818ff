"""histogram in plain Python."""

from gilscope.core.spec import Buffers, Params

_BINS = 256


def py_loop(phase: int, lo: int, hi: int, params: Params, buffers: Buffers) -> list[int]:
    """Count values [lo, hi); return the counts per bin."""
    bins = [0] * _BINS
    for value in buffers["values"][lo:hi]:
        bins[int(value * _BINS)] += 1
    return bins
