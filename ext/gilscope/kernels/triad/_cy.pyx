"""triad in Cython: one loop, with the GIL held and with it released."""

from buffers cimport Pins, check_range, pin, unpin
from gil cimport PyThreadState, release_gil, restore_gil
from gilscope.kernels.triad.core cimport triad


cdef object chunk(Py_ssize_t phase, Py_ssize_t lo, Py_ssize_t hi, object params, object buffers, bint release):
    """Compute elements [lo, hi)."""
    cdef Pins pins
    cdef Py_ssize_t n = params["n"]
    cdef double *a
    cdef const double *b
    cdef const double *c
    cdef PyThreadState *saved
    check_range(lo, hi, n)
    pins.count = 0
    try:
        a = <double *> pin(&pins, buffers, "a", c"d", n, True)
        b = <const double *> pin(&pins, buffers, "b", c"d", n, False)
        c = <const double *> pin(&pins, buffers, "c", c"d", n, False)
        saved = release_gil(release)
        triad(a, b, c, lo, hi)
        restore_gil(saved)
    finally:
        unpin(&pins)


include "chunk.pxi"
