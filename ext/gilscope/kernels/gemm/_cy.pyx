"""gemm in Cython: one loop, with the GIL held and with it released."""

from buffers cimport Pins, check_range, pin, unpin
from gil cimport PyThreadState, release_gil, restore_gil
from gilscope.kernels.gemm.core cimport rows


cdef object chunk(Py_ssize_t phase, Py_ssize_t lo, Py_ssize_t hi, object params, object buffers, bint release):
    """Compute rows [lo, hi) of C."""
    cdef Pins pins
    cdef Py_ssize_t n = params["n"]
    cdef const double *a
    cdef const double *b
    cdef double *c
    cdef PyThreadState *saved
    check_range(lo, hi, n)
    pins.count = 0
    try:
        a = <const double *> pin(&pins, buffers, "a", c"d", n * n, False)
        b = <const double *> pin(&pins, buffers, "b", c"d", n * n, False)
        c = <double *> pin(&pins, buffers, "c", c"d", n * n, True)
        saved = release_gil(release)
        rows(a, b, c, lo, hi, n)
        restore_gil(saved)
    finally:
        unpin(&pins)


include "chunk.pxi"
