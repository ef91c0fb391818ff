"""histogram in Cython: one loop, with the GIL held and with it released."""

from libc.stdint cimport int64_t
from libc.string cimport memset

from buffers cimport Pins, check_range, pin, unpin
from gil cimport PyThreadState, release_gil, restore_gil
from gilscope.kernels.histogram.core cimport BINS, count


cdef object chunk(Py_ssize_t phase, Py_ssize_t lo, Py_ssize_t hi, object params, object buffers, bint release):
    """Count values [lo, hi); return the counts per bin."""
    cdef Pins pins
    cdef Py_ssize_t n = params["n"], bin
    cdef int64_t bins[BINS]
    cdef const double *values
    cdef PyThreadState *saved
    check_range(lo, hi, n)
    memset(bins, 0, sizeof(bins))
    pins.count = 0
    try:
        values = <const double *> pin(&pins, buffers, "values", c"d", n, False)
        saved = release_gil(release)
        count(values, lo, hi, bins)
        restore_gil(saved)
    finally:
        unpin(&pins)
    return [bins[bin] for bin in range(BINS)]


include "chunk.pxi"
