"""floyd_warshall in Cython with OpenMP threads."""

from cython.parallel cimport prange
from libc.stdint cimport int32_t

from buffers cimport Pins, check_workers, pin, unpin
from gilscope.kernels.floyd_warshall.core cimport row


def cy_prange(int workers, params, buffers):
    """Do all phases; each thread keeps the same contiguous share of the rows."""
    cdef Pins pins
    cdef Py_ssize_t n = params["n"], i, k
    cdef int32_t *d
    check_workers(workers)
    pins.count = 0
    try:
        d = <int32_t *> pin(&pins, buffers, "d", c"i", n * n, True)
        with nogil:
            for k in range(n):
                for i in prange(n, num_threads=workers, schedule="static"):
                    row(d, i, k, n)
    finally:
        unpin(&pins)


include "isa.pxi"
