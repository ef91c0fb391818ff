"""jacobi2d in Numba."""

from typing import Any

import numba
import numpy as np

from gilscope.core.spec import Buffers, Params
from gilscope.kernels._numba import ISA, chunked, inlined, own_threads, view

__all__ = ["ISA", "nb_gil", "nb_nogil", "nb_prange"]


@inlined
def _rows(old: Any, new: Any, lo: int, hi: int) -> None:
    """Inner rows [lo, hi), counted from the first inner row."""
    for i in range(lo, hi):
        # Slices of equal length, because an index that may be negative is wrapped around and not vectorised well.
        west, here, east = old[i + 1, :-2], old[i + 1, 1:-1], old[i + 1, 2:]
        north, south, out = old[i, 1:-1], old[i + 2, 1:-1], new[i + 1, 1:-1]
        for j in range(len(out)):
            out[j] = 0.2 * ((((here[j] + west[j]) + east[j]) + north[j]) + south[j])


def _planes(phase: int, params: Params, buffers: Buffers) -> tuple[Any, ...]:
    """Return the plane to read and the plane to write, each of shape (n, n)."""
    n = params["n"]
    planes = view(buffers, "planes", np.float64, 2, n, n)
    return planes[phase % 2], planes[(phase + 1) % 2]


nb_gil, nb_nogil = chunked(_rows, _planes, lambda params: max(0, params["n"] - 2))


@own_threads(_planes, phases=lambda params: params["steps"])
def nb_prange(old: Any, new: Any, workers: int) -> None:
    """One sweep; one contiguous share of the rows per thread."""
    inner = max(0, len(old) - 2)
    for thread in numba.prange(workers):
        _rows(old, new, inner * thread // workers, inner * (thread + 1) // workers)
