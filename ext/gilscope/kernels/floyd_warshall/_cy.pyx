"""floyd_warshall in Cython: one loop, with the GIL held and with it released."""

from libc.stdint cimport int32_t

from buffers cimport Pins, check_range, pin, unpin
from gil cimport PyThreadState, release_gil, restore_gil
from gilscope.kernels.floyd_warshall.core cimport row


cdef object chunk(Py_ssize_t k, Py_ssize_t lo, Py_ssize_t hi, object params, object buffers, bint release):
    """Shorten the paths from nodes [lo, hi) over node `k`."""
    cdef Pins pins
    cdef Py_ssize_t n = params["n"], i
    cdef int32_t *d
    cdef PyThreadState *saved
    check_range(lo, hi, n)
    check_range(k, k + 1, n)
    pins.count = 0
    try:
        d = <int32_t *> pin(&pins, buffers, "d", c"i", n * n, True)
        saved = release_gil(release)
        for i in range(lo, hi):
            row(d, i, k, n)
        restore_gil(saved)
    finally:
        unpin(&pins)


include "chunk.pxi"
