"""spmv in Numba."""

from typing import Any

import numba
import numpy as np

from gilscope.core.spec import Buffers, Params
from gilscope.kernels._numba import ISA, chunked, inlined, own_threads, view

__all__ = ["ISA", "nb_gil", "nb_nogil", "nb_prange"]

# Unsigned indices, because one that may be negative is wrapped around; all operands, because Numba turns a mix of
# uint64 and int64 into float64.
_1, _2 = np.uint64(1), np.uint64(2)


@inlined
def _rows(y: Any, starts: Any, columns: Any, values: Any, x: Any, lo: int, hi: int) -> None:
    """Rows [lo, hi); sums of whole numbers are exact in any order."""
    for i in range(lo, hi):
        k, last = np.uint64(starts[i]), np.uint64(starts[i + 1])
        if last < k:  # never; a second way out keeps LLVM from unrolling rows, which is slower on an AMD EPYC
            break
        even = odd = 0.0
        while k + _2 <= last:  # two chains: an addition need not wait for the one before
            even += values[k] * x[np.uint32(columns[k])]
            odd += values[k + _1] * x[np.uint32(columns[k + _1])]
            k += _2
        if k < last:
            even += values[k] * x[np.uint32(columns[k])]
        y[i] = even + odd


def _arrays(phase: int, params: Params, buffers: Buffers) -> tuple[Any, ...]:
    rows, nnz = params["rows"], params["nnz"]
    return (
        view(buffers, "y", np.float64, rows),
        view(buffers, "starts", np.int64, rows + 1),
        view(buffers, "columns", np.int32, nnz),
        view(buffers, "values", np.float64, nnz),
        view(buffers, "x", np.float64, rows),
    )


nb_gil, nb_nogil = chunked(_rows, _arrays, lambda params: params["rows"])


@own_threads(_arrays)
def nb_prange(y: Any, starts: Any, columns: Any, values: Any, x: Any, workers: int) -> None:
    """All rows. They differ in length: each thread gets the rows of an equal share of the items."""
    items = starts[-1]
    cuts = np.searchsorted(starts, items * np.arange(workers + 1) // workers)
    cuts[workers] = len(y)
    for thread in numba.prange(workers):
        _rows(y, starts, columns, values, x, cuts[thread], cuts[thread + 1])
