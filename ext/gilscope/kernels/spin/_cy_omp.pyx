"""spin in Cython with OpenMP threads."""

from cython.parallel cimport prange
from libc.stdint cimport uint64_t

from buffers cimport Pins, check_workers, pin, unpin
from gilscope.kernels.spin.core cimport spin


def cy_prange(int workers, params, buffers):
    """Spin all items, which cost the same: one contiguous share per thread; return how many."""
    cdef Pins pins
    cdef Py_ssize_t count = params["items"], steps = params["steps"], item
    cdef uint64_t *last
    check_workers(workers)
    pins.count = 0
    try:
        last = <uint64_t *> pin(&pins, buffers, "last", c"Q", count, True)
        for item in prange(count, nogil=True, num_threads=workers, schedule="static"):
            last[item] = spin(<uint64_t> item, steps)
    finally:
        unpin(&pins)
    return count


include "isa.pxi"
