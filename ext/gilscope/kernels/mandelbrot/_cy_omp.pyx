"""mandelbrot in Cython with OpenMP threads."""

from cython.parallel cimport prange
from libc.stdint cimport int32_t, int64_t

from buffers cimport Pins, check_workers, pin, unpin
from gilscope.kernels.mandelbrot.core cimport row


def cy_prange(int workers, params, buffers):
    """Count the iterations of all rows; rows differ in cost, so threads take them eight by eight as they come free."""
    cdef Pins pins
    cdef Py_ssize_t w = params["w"], h = params["h"], y
    cdef int32_t max_iter = params["max_iter"]
    cdef int32_t *counts
    cdef int64_t total = 0
    check_workers(workers)
    pins.count = 0
    try:
        counts = <int32_t *> pin(&pins, buffers, "counts", c"i", w * h, True)
        for y in prange(h, nogil=True, num_threads=workers, schedule="dynamic", chunksize=8):
            total += row(counts, y, w, h, max_iter)
    finally:
        unpin(&pins)
    return total


include "isa.pxi"
