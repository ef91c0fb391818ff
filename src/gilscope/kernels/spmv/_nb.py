"""spmv in Numba."""

from __future__ import annotations

from typing import Any

import numba
import numpy as np

from gilscope.core.spec import Buffers, Params
from gilscope.kernels._numba import ISA, carries, check_range, flat, gil, inlined, nogil, parallel, use_threads

__all__ = ["ISA", "nb_gil", "nb_nogil", "nb_prange"]


# Unsigned indices, because one that may be negative is wrapped around; all operands, because Numba turns a mix of
# uint64 and int64 into float64.
_1, _2 = np.uint64(1), np.uint64(2)


@inlined
def _rows(y: Any, starts: Any, columns: Any, values: Any, x: Any, lo: int, hi: int) -> None:
    """Rows [lo, hi); sums of whole numbers are exact in any order."""
    for i in range(lo, hi):
        k, last = np.uint64(starts[i]), np.uint64(starts[i + 1])
        even = odd = 0.0
        while k + _2 <= last:  # two chains: an addition need not wait for the one before
            even += values[k] * x[np.uint32(columns[k])]
            odd += values[k + _1] * x[np.uint32(columns[k + _1])]
            k += _2
        if k < last:
            even += values[k] * x[np.uint32(columns[k])]
        y[i] = even + odd


@gil
def _nb_gil(y: Any, starts: Any, columns: Any, values: Any, x: Any, lo: int, hi: int) -> None:
    _rows(y, starts, columns, values, x, lo, hi)


@nogil
def _nb_nogil(y: Any, starts: Any, columns: Any, values: Any, x: Any, lo: int, hi: int) -> None:
    _rows(y, starts, columns, values, x, lo, hi)


@parallel
def _nb_prange(y: Any, starts: Any, columns: Any, values: Any, x: Any, workers: int) -> None:
    # Rows differ in length: each thread gets the rows of an equal share of the items.
    items = starts[-1]
    cuts = np.searchsorted(starts, items * np.arange(workers + 1) // workers)
    cuts[workers] = len(y)
    for thread in numba.prange(workers):
        _rows(y, starts, columns, values, x, cuts[thread], cuts[thread + 1])


def _arrays(params: Params, buffers: Buffers) -> tuple[Any, Any, Any, Any, Any]:
    rows, nnz = params["rows"], params["nnz"]
    return (
        flat(buffers, "y", np.float64, rows)[:rows],
        flat(buffers, "starts", np.int64, rows + 1)[: rows + 1],
        flat(buffers, "columns", np.int32, nnz),
        flat(buffers, "values", np.float64, nnz),
        flat(buffers, "x", np.float64, rows),
    )


@carries(_nb_gil)
def nb_gil(phase: int, lo: int, hi: int, params: Params, buffers: Buffers) -> None:
    """Compute rows [lo, hi), holding the GIL."""
    check_range(lo, hi, params["rows"])
    _nb_gil(*_arrays(params, buffers), lo, hi)


@carries(_nb_nogil)
def nb_nogil(phase: int, lo: int, hi: int, params: Params, buffers: Buffers) -> None:
    """Compute rows [lo, hi), without the GIL."""
    check_range(lo, hi, params["rows"])
    _nb_nogil(*_arrays(params, buffers), lo, hi)


@carries(_nb_prange)
def nb_prange(workers: int, params: Params, buffers: Buffers) -> None:
    """Compute all rows on Numba's own threads."""
    use_threads(workers)
    _nb_prange(*_arrays(params, buffers), workers)
