"""spmv in plain Python."""

from itertools import pairwise
from operator import mul

from gilscope.core.spec import Buffers, Params


def py_loop(phase: int, lo: int, hi: int, params: Params, buffers: Buffers) -> None:
    """Compute rows [lo, hi)."""
    columns, values, x, y = buffers["columns"], buffers["values"], buffers["x"].tolist(), buffers["y"]
    # Row by row on the buffers: lists of all products would leave the caches.
    for i, (first, last) in enumerate(pairwise(buffers["starts"][lo : hi + 1]), lo):
        y[i] = sum(map(mul, values[first:last], map(x.__getitem__, columns[first:last])))
