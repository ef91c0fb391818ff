"""nqueens in Cython: one recursion, with the GIL held and with it released."""

from libc.stdint cimport int64_t

from buffers cimport check_range
from gil cimport PyThreadState, release_gil, restore_gil
from gilscope.kernels.nqueens.core cimport pair

cdef enum:
    MAX_N = 31  # bits of a mask, one kept for shifts


cdef object chunk(Py_ssize_t phase, Py_ssize_t lo, Py_ssize_t hi, object params, object buffers, bint release):
    """Count the placements for pairs [lo, hi); return them and the queens placed."""
    cdef Py_ssize_t n = params["n"], item
    cdef int64_t solutions = 0, nodes = 0
    cdef PyThreadState *saved
    if n > MAX_N:
        raise ValueError(f"n must be {MAX_N} or less, got {n}")
    check_range(lo, hi, n * n)
    saved = release_gil(release)
    for item in range(lo, hi):
        solutions += pair(item, n, &nodes)
    restore_gil(saved)
    return [solutions, nodes]


include "chunk.pxi"
