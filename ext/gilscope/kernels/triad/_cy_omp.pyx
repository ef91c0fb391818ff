"""triad in Cython with OpenMP threads."""

from cython.parallel cimport prange

from buffers cimport Pins, check_workers, pin, unpin
from gilscope.kernels.triad.core cimport triad


def cy_prange(int workers, params, buffers):
    """Compute all elements; one contiguous share per thread."""
    cdef Pins pins
    cdef Py_ssize_t n = params["n"], thread
    cdef double *a
    cdef const double *b
    cdef const double *c
    check_workers(workers)
    pins.count = 0
    try:
        a = <double *> pin(&pins, buffers, "a", c"d", n, True)
        b = <const double *> pin(&pins, buffers, "b", c"d", n, False)
        c = <const double *> pin(&pins, buffers, "c", c"d", n, False)
        for thread in prange(workers, nogil=True, num_threads=workers, schedule="static", chunksize=1):
            triad(a, b, c, n * thread // workers, n * (thread + 1) // workers)
    finally:
        unpin(&pins)


include "isa.pxi"
