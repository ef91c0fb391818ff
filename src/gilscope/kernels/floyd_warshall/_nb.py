"""floyd_warshall in Numba."""

from typing import Any

import numba
import numpy as np

from gilscope.core.spec import Buffers, Params
from gilscope.kernels._numba import ISA, check_range, chunked, inlined, narrow_vectors, own_threads, view

__all__ = ["ISA", "nb_gil", "nb_nogil", "nb_prange"]


@inlined
def _rows(d: Any, k: int, lo: int, hi: int) -> None:
    """Rows [lo, hi) of phase k. Row k stays as it is: d[k, k] is zero."""
    narrow_vectors()
    n = d.shape[1]
    for i in range(lo, hi):
        if i != k:
            first = d[i, k]
            for j in range(n):
                path = np.int32(first + d[k, j])
                d[i, j] = d[i, j] if d[i, j] < path else path


def _distances(params: Params, buffers: Buffers) -> Any:
    n = params["n"]
    return view(buffers, "d", np.int32, n, n)


def _arguments(phase: int, params: Params, buffers: Buffers) -> tuple[Any, ...]:
    check_range(phase, phase + 1, params["n"])
    return _distances(params, buffers), phase


nb_gil, nb_nogil = chunked(_rows, _arguments, lambda params: params["n"])


@own_threads(lambda phase, params, buffers: (_distances(params, buffers),))
def nb_prange(d: Any, workers: int) -> None:
    """All phases; one contiguous share of the rows per thread."""
    n = len(d)
    for k in range(n):
        for thread in numba.prange(workers):
            _rows(d, k, n * thread // workers, n * (thread + 1) // workers)
