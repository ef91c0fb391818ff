"""gemm in Numba: tiles of four rows, as in Cython."""

from typing import Any

import numba
import numpy as np

from gilscope.core.spec import Buffers, Params
from gilscope.kernels._numba import ISA, chunked, flat, inlined, own_threads

__all__ = ["ISA", "nb_gil", "nb_nogil", "nb_prange"]

_ROWS = 4
_COLUMNS = 256


@inlined
def _tile(a: Any, b: Any, c: Any, sums: Any, i: int, first: int) -> None:
    """Elements [i, i + 4) x [first, first + columns of sums) of C; ``sums`` stays in the first-level cache."""
    s0, s1, s2, s3 = sums[0], sums[1], sums[2], sums[3]
    sums[:] = 0.0
    n, width = len(b), len(s0)
    for k in range(0, n - 1, 2):
        # Whole rows of a slice are known to be contiguous; a two-dimensional slice is not.
        even, odd = b[k, first : first + width], b[k + 1, first : first + width]
        a00, a01, a10, a11 = a[i, k], a[i, k + 1], a[i + 1, k], a[i + 1, k + 1]
        a20, a21, a30, a31 = a[i + 2, k], a[i + 2, k + 1], a[i + 3, k], a[i + 3, k + 1]
        for j in range(width):
            s0[j] += a00 * even[j] + a01 * odd[j]
            s1[j] += a10 * even[j] + a11 * odd[j]
            s2[j] += a20 * even[j] + a21 * odd[j]
            s3[j] += a30 * even[j] + a31 * odd[j]
    for row in range(_ROWS):
        for j in range(width):
            rest = a[i + row, n - 1] * b[n - 1, first + j] if n % 2 else 0.0
            c[i + row, first + j] = sums[row, j] + rest


@inlined
def _rows(a: Any, b: Any, c: Any, lo: int, hi: int) -> None:
    """Rows [lo, hi) of C; every order of the sum is exact."""
    n = len(b)
    last = lo + (hi - lo) // _ROWS * _ROWS
    for first in range(0, n, _COLUMNS):
        sums = np.empty((_ROWS, min(_COLUMNS, n - first)))
        for i in range(lo, last, _ROWS):
            _tile(a, b, c, sums, i, first)
    for i in range(last, hi):
        own = c[i]
        own[:] = 0.0
        for k in range(n):
            factor, row = a[i, k], b[k]
            for j in range(n):
                own[j] += factor * row[j]


def _matrices(phase: int, params: Params, buffers: Buffers) -> tuple[Any, ...]:
    n = params["n"]
    return tuple(flat(buffers, name, np.float64, n * n).reshape(n, n) for name in "abc")


nb_gil, nb_nogil = chunked(_rows, _matrices, lambda params: params["n"])


@own_threads(_matrices)
def nb_prange(a: Any, b: Any, c: Any, workers: int) -> None:
    """All rows of C; one contiguous share of the tiles per thread."""
    n = len(b)
    tiles = (n + _ROWS - 1) // _ROWS
    for thread in numba.prange(workers):
        _rows(a, b, c, tiles * thread // workers * _ROWS, min(tiles * (thread + 1) // workers * _ROWS, n))
