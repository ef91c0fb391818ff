"""counters in Cython: increments in memory, with the GIL held and with it released."""

from libc.stdint cimport int64_t

from buffers cimport Pins, check_range, pin, unpin
from gil cimport PyThreadState, release_gil, restore_gil

cdef enum:
    PER_LINE = 8
    ITEMS = 64


cdef inline void count(
    volatile int64_t *cells, Py_ssize_t lo, Py_ssize_t hi, Py_ssize_t stride, Py_ssize_t increments
) noexcept nogil:
    """Increment the cells of items [lo, hi) in turns; volatile, so that each increment goes to memory."""
    cdef Py_ssize_t turn, item
    for turn in range(increments):
        for item in range(lo, hi):
            cells[(item % PER_LINE * PER_LINE + item // PER_LINE) * stride] += 1


cdef object chunk(Py_ssize_t phase, Py_ssize_t lo, Py_ssize_t hi, object params, object buffers, bint release):
    """Count for items [lo, hi); return how many items."""
    cdef Pins pins
    cdef Py_ssize_t stride = params["stride"], increments = params["increments"]
    cdef int64_t *cells
    cdef PyThreadState *saved
    check_range(lo, hi, min(params["items"], ITEMS))
    pins.count = 0
    try:
        cells = <int64_t *> pin(&pins, buffers, "cells", c"q", ITEMS * stride, True)
        saved = release_gil(release)
        count(cells, lo, hi, stride, increments)
        restore_gil(saved)
    finally:
        unpin(&pins)
    return hi - lo


include "chunk.pxi"
