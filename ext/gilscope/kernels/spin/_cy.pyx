"""spin in Cython: arithmetic in registers, with the GIL held and with it released."""

from libc.stdint cimport uint64_t

from buffers cimport Pins, check_range, pin, unpin
from gil cimport PyThreadState, release_gil, restore_gil
from gilscope.kernels.spin.core cimport spin


cdef object chunk(Py_ssize_t phase, Py_ssize_t lo, Py_ssize_t hi, object params, object buffers, bint release):
    """Spin items [lo, hi); return how many."""
    cdef Pins pins
    cdef Py_ssize_t count = params["items"], steps = params["steps"], item
    cdef uint64_t *last
    cdef PyThreadState *saved
    check_range(lo, hi, count)
    pins.count = 0
    try:
        last = <uint64_t *> pin(&pins, buffers, "last", c"Q", count, True)
        saved = release_gil(release)
        for item in range(lo, hi):
            last[item] = spin(<uint64_t> item, steps)
        restore_gil(saved)
    finally:
        unpin(&pins)
    return hi - lo


include "chunk.pxi"
