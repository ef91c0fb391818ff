"""floyd_warshall in Numba."""

from __future__ import annotations

from typing import Any

import numba
import numpy as np

from gilscope.core.spec import Buffers, Params
from gilscope.kernels._numba import ISA, carries, check_range, flat, gil, inlined, nogil, parallel, use_threads

__all__ = ["ISA", "nb_gil", "nb_nogil", "nb_prange"]


@inlined
def _rows(d: Any, k: int, lo: int, hi: int) -> None:
    """Rows [lo, hi) of phase k. Row k stays as it is: d[k, k] is zero."""
    over = d[k]
    for i in range(lo, hi):
        if i != k:
            own = d[i]
            first = own[k]
            for j in range(len(over)):
                path = np.int32(first + over[j])
                own[j] = own[j] if own[j] < path else path


@gil
def _nb_gil(d: Any, k: int, lo: int, hi: int) -> None:
    _rows(d, k, lo, hi)


@nogil
def _nb_nogil(d: Any, k: int, lo: int, hi: int) -> None:
    _rows(d, k, lo, hi)


@parallel
def _nb_prange(d: Any, workers: int) -> None:
    n = len(d)
    for k in range(n):
        for thread in numba.prange(workers):
            _rows(d, k, n * thread // workers, n * (thread + 1) // workers)


def _distances(params: Params, buffers: Buffers) -> Any:
    n = params["n"]
    return flat(buffers, "d", np.int32, n * n)[: n * n].reshape(n, n)


@carries(_nb_gil)
def nb_gil(phase: int, lo: int, hi: int, params: Params, buffers: Buffers) -> None:
    """Shorten the paths from nodes [lo, hi) over node ``phase``, holding the GIL."""
    check_range(lo, hi, params["n"])
    check_range(phase, phase + 1, params["n"])
    _nb_gil(_distances(params, buffers), phase, lo, hi)


@carries(_nb_nogil)
def nb_nogil(phase: int, lo: int, hi: int, params: Params, buffers: Buffers) -> None:
    """Shorten the paths from nodes [lo, hi) over node ``phase``, without the GIL."""
    check_range(lo, hi, params["n"])
    check_range(phase, phase + 1, params["n"])
    _nb_nogil(_distances(params, buffers), phase, lo, hi)


@carries(_nb_prange)
def nb_prange(workers: int, params: Params, buffers: Buffers) -> None:
    """Do all phases on Numba's own threads."""
    use_threads(workers)
    _nb_prange(_distances(params, buffers), workers)
