"""triad in Numba."""

from typing import Any

import numba
import numpy as np

from gilscope.core.spec import Buffers, Params
from gilscope.kernels._numba import ISA, chunked, inlined, narrow_vectors, own_threads, view

__all__ = ["ISA", "nb_gil", "nb_nogil", "nb_prange"]


@inlined
def _triad(a: Any, b: Any, c: Any, lo: int, hi: int) -> None:
    narrow_vectors()
    # Slices, because an index that may be negative is wrapped around, which turns loads into gathers.
    a, b, c = a[lo:hi], b[lo:hi], c[lo:hi]
    for i in range(len(a)):
        a[i] = b[i] + 3.0 * c[i]


def _arrays(phase: int, params: Params, buffers: Buffers) -> tuple[Any, ...]:
    return tuple(view(buffers, name, np.float64, params["n"]) for name in "abc")


nb_gil, nb_nogil = chunked(_triad, _arrays, lambda params: params["n"])


@own_threads(_arrays)
def nb_prange(a: Any, b: Any, c: Any, workers: int) -> None:
    """All elements; one contiguous share per thread."""
    n = len(a)
    for thread in numba.prange(workers):
        _triad(a, b, c, n * thread // workers, n * (thread + 1) // workers)
