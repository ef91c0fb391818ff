"""mandelbrot in Cython: one loop, with the GIL held and with it released."""

from libc.stdint cimport int32_t, int64_t

from buffers cimport Pins, check_range, pin, unpin
from gil cimport PyThreadState, release_gil, restore_gil
from isa cimport cpu_has_v3, isa_name
from gilscope.kernels.mandelbrot.core cimport row

ISA = isa_name()
CPU_HAS_V3 = cpu_has_v3()


cdef object rows(Py_ssize_t lo, Py_ssize_t hi, object params, object buffers, bint release):
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


def cy_gil(phase, lo, hi, params, buffers):
    """Count the iterations of rows [lo, hi), holding the GIL."""
    return rows(lo, hi, params, buffers, False)


def cy_nogil(phase, lo, hi, params, buffers):
    """Count the iterations of rows [lo, hi), without the GIL."""
    return rows(lo, hi, params, buffers, True)
