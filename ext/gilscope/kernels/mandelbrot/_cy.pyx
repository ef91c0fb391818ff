"""mandelbrot in Cython: one loop, with the GIL held and with it released."""

from libc.stdint cimport int32_t, int64_t

from buffers cimport Pins, check_range, pin, unpin
from gil cimport PyThreadState, release_gil, restore_gil
from gilscope.kernels.mandelbrot.core cimport row


cdef object chunk(Py_ssize_t phase, Py_ssize_t lo, Py_ssize_t hi, object params, object buffers, bint release):
    """Count the iterations of rows [lo, hi)."""
    cdef Pins pins
    cdef Py_ssize_t w = params["w"], h = params["h"], y
    cdef int32_t max_iter = params["max_iter"]
    cdef int32_t *counts
    cdef int64_t total = 0
    cdef PyThreadState *saved
    check_range(lo, hi, h)
    pins.count = 0
    try:
        counts = <int32_t *> pin(&pins, buffers, "counts", c"i", w * h, True)
        saved = release_gil(release)
        for y in range(lo, hi):
            total += row(counts, y, w, h, max_iter)
        restore_gil(saved)
    finally:
        unpin(&pins)
    return total


include "chunk.pxi"
