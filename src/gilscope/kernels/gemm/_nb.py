"""gemm in Numba: tiles of four rows and four steps deep, as in Cython."""

from typing import Any

import numba
import numpy as np

from gilscope.core.spec import Buffers, Params
from gilscope.kernels._numba import EXACT, ISA, chunked, inlined, own_threads, view

__all__ = ["ISA", "nb_gil", "nb_nogil", "nb_prange"]

_ROWS = 4
_DEPTH = 4
_COLUMNS = 256


@inlined
def _four(s: float, a: Any, i: int, k: int, x0: float, x1: float, x2: float, x3: float) -> Any:
    """Return the sum with _DEPTH more products."""
    return s + a[i, k] * x0 + a[i, k + 1] * x1 + a[i, k + 2] * x2 + a[i, k + 3] * x3


@inlined
def _tile(a: Any, part: Any, sums: Any, i: int) -> None:
    """Rows [i, i + _ROWS) of A times some columns of B; ``sums`` stays in the first-level cache, row by row."""
    n, width = part.shape
    sums[:] = 0.0
    deep = n // _DEPTH * _DEPTH
    for k in range(0, deep, _DEPTH):
        # Whole rows of a slice are known to be contiguous; a two-dimensional slice is not.
        b0, b1, b2, b3 = part[k], part[k + 1], part[k + 2], part[k + 3]
        for j in range(width):
            x0, x1, x2, x3 = b0[j], b1[j], b2[j], b3[j]
            sums[j] = _four(sums[j], a, i, k, x0, x1, x2, x3)
            sums[_COLUMNS + j] = _four(sums[_COLUMNS + j], a, i + 1, k, x0, x1, x2, x3)
            sums[2 * _COLUMNS + j] = _four(sums[2 * _COLUMNS + j], a, i + 2, k, x0, x1, x2, x3)
            sums[3 * _COLUMNS + j] = _four(sums[3 * _COLUMNS + j], a, i + 3, k, x0, x1, x2, x3)
    for k in range(deep, n):
        for row in range(_ROWS):
            for j in range(width):
                sums[row * _COLUMNS + j] += a[i + row, k] * part[k, j]


@inlined
def _rows(a: Any, b: Any, c: Any, lo: int, hi: int) -> None:
    """Rows [lo, hi) of C; every order of the sum is exact."""
    n = len(b)
    last = lo + (hi - lo) // _ROWS * _ROWS
    sums = np.empty(_ROWS * _COLUMNS)
    for first in range(0, n, _COLUMNS):
        width = min(_COLUMNS, n - first)
        part = b[:, first : first + width].copy()  # its rows lie beside each other, on few pages
        for i in range(lo, last, _ROWS):
            _tile(a, part, sums, i)
            for row in range(_ROWS):
                for j in range(width):
                    c[i + row, first + j] = sums[row * _COLUMNS + j]
    for i in range(last, hi):
        own = c[i]
        own[:] = 0.0
        for k in range(n):
            factor, row = a[i, k], b[k]
            for j in range(n):
                own[j] += factor * row[j]


def _matrices(phase: int, params: Params, buffers: Buffers) -> tuple[Any, ...]:
    n = params["n"]
    return tuple(view(buffers, name, np.float64, n, n) for name in "abc")


nb_gil, nb_nogil = chunked(_rows, _matrices, lambda params: params["n"], EXACT)


@own_threads(_matrices, options=EXACT)
def nb_prange(a: Any, b: Any, c: Any, workers: int) -> None:
    """All rows of C; one contiguous share of the tiles per thread."""
    n = len(b)
    tiles = (n + _ROWS - 1) // _ROWS
    for thread in numba.prange(workers):
        _rows(a, b, c, tiles * thread // workers * _ROWS, min(tiles * (thread + 1) // workers * _ROWS, n))
