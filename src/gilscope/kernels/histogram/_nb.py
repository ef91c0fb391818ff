"""histogram in Numba: four tables, as in Cython."""

from typing import Any

import numba
import numpy as np

from gilscope.core.spec import Buffers, Params
from gilscope.kernels._numba import ISA, chunked, inlined, own_threads, view

__all__ = ["ISA", "nb_gil", "nb_nogil", "nb_prange"]

_BINS = 256
_TABLES = 4  # because a count that was just stored cannot be loaded again at once


@inlined
def _bin(value: float, table: int) -> Any:
    """Index of a value's bin; the mask keeps what is not in [0, 1), or NaN, from writing outside of the table."""
    return np.uint32(table * _BINS) + (np.uint32(np.int32(value * _BINS)) & np.uint32(_BINS - 1))


@inlined
def _count(values: Any, lo: int, hi: int) -> Any:
    """Counts of values [lo, hi), int64 of shape (256,)."""
    tables = np.zeros(_TABLES * _BINS, np.int64)
    own = values[lo:hi]
    last = len(own) // _TABLES * _TABLES
    for i in range(0, last, _TABLES):
        for table in range(_TABLES):
            tables[_bin(own[i + table], table)] += 1
    for i in range(last, len(own)):
        tables[_bin(own[i], 0)] += 1
    return tables.reshape(_TABLES, _BINS).sum(axis=0)


def _values(phase: int, params: Params, buffers: Buffers) -> tuple[Any, ...]:
    return (view(buffers, "values", np.float64, params["n"]),)


nb_gil, nb_nogil = chunked(_count, _values, lambda params: params["n"])


@own_threads(_values)
def nb_prange(values: Any, workers: int) -> Any:
    """Counts of all values; one contiguous share and one histogram per thread."""
    n = len(values)
    bins = np.zeros((workers, _BINS), np.int64)
    for thread in numba.prange(workers):
        bins[thread] = _count(values, n * thread // workers, n * (thread + 1) // workers)
    return bins.sum(axis=0)
