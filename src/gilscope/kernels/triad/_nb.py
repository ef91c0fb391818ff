"""triad in Numba."""

from __future__ import annotations

from typing import Any

import numba
import numpy as np

from gilscope.core.spec import Buffers, Params
from gilscope.kernels._numba import ISA, carries, check_range, flat, gil, inlined, nogil, parallel, use_threads

__all__ = ["ISA", "nb_gil", "nb_nogil", "nb_prange"]


@inlined
def _triad(a: Any, b: Any, c: Any, lo: int, hi: int) -> None:
    # Slices, because an index that may be negative is wrapped around, which turns loads into gathers.
    a, b, c = a[lo:hi], b[lo:hi], c[lo:hi]
    for i in range(len(a)):
        a[i] = b[i] + 3.0 * c[i]


@gil
def _nb_gil(a: Any, b: Any, c: Any, lo: int, hi: int) -> None:
    _triad(a, b, c, lo, hi)


@nogil
def _nb_nogil(a: Any, b: Any, c: Any, lo: int, hi: int) -> None:
    _triad(a, b, c, lo, hi)


@parallel
def _nb_prange(a: Any, b: Any, c: Any, workers: int) -> None:
    n = len(a)
    for thread in numba.prange(workers):
        _triad(a, b, c, n * thread // workers, n * (thread + 1) // workers)


def _arrays(params: Params, buffers: Buffers) -> tuple[Any, ...]:
    return tuple(flat(buffers, name, np.float64, params["n"])[: params["n"]] for name in "abc")


@carries(_nb_gil)
def nb_gil(phase: int, lo: int, hi: int, params: Params, buffers: Buffers) -> None:
    """Compute elements [lo, hi), holding the GIL."""
    check_range(lo, hi, params["n"])
    _nb_gil(*_arrays(params, buffers), lo, hi)


@carries(_nb_nogil)
def nb_nogil(phase: int, lo: int, hi: int, params: Params, buffers: Buffers) -> None:
    """Compute elements [lo, hi), without the GIL."""
    check_range(lo, hi, params["n"])
    _nb_nogil(*_arrays(params, buffers), lo, hi)


@carries(_nb_prange)
def nb_prange(workers: int, params: Params, buffers: Buffers) -> None:
    """Compute all elements on Numba's own threads."""
    use_threads(workers)
    _nb_prange(*_arrays(params, buffers), workers)
