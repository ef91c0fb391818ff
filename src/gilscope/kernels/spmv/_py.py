"""spmv in plain Python."""

from __future__ import annotations

from array import array
from itertools import pairwise
from operator import mul

from gilscope.spec import Buffers, Params

__all__ = ["py_loop"]


def py_loop(phase: int, lo: int, hi: int, params: Params, buffers: Buffers) -> None:
    """Compute rows [lo, hi)."""
    starts = buffers["starts"][lo : hi + 1].tolist()
    first, last = starts[0], starts[-1]
    values = buffers["values"][first:last].tolist()
    x = buffers["x"].tolist()
    gathered = [x[column] for column in buffers["columns"][first:last].tolist()]
    products = list(map(mul, values, gathered))
    buffers["y"][lo:hi] = array("d", [sum(products[a - first : b - first]) for a, b in pairwise(starts)])
