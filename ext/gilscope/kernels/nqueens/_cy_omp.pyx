"""nqueens in Cython with OpenMP threads."""

from cython.parallel cimport prange
from libc.stdint cimport int64_t

from buffers cimport check_workers
from gilscope.kernels.nqueens.core cimport pair

cdef enum:
    MAX_N = 31  # bits of a mask, one kept for shifts


def cy_prange(int workers, params, buffers):
    """Count all placements; sub-trees differ in size, so threads take one pair at a time as they come free."""
    cdef Py_ssize_t n = params["n"], item
    cdef int64_t solutions = 0, nodes = 0, own
    check_workers(workers)
    if n > MAX_N:
        raise ValueError(f"n must be {MAX_N} or less, got {n}")
    for item in prange(n * n, nogil=True, num_threads=workers, schedule="dynamic"):
        own = 0
        solutions += pair(item, n, &own)
        nodes += own
    return [solutions, nodes]


include "isa.pxi"
