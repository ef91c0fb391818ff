"""histogram in Cython with OpenMP threads."""

from cython.parallel cimport prange
from libc.stdint cimport int64_t
from libc.stdlib cimport calloc, free

from buffers cimport Pins, check_workers, pin, unpin
from gilscope.kernels.histogram.core cimport BINS, count


def cy_prange(int workers, params, buffers):
    """Count all values; each thread has its own bins and one contiguous share of the values."""
    cdef Pins pins
    cdef Py_ssize_t n = params["n"], thread, bin
    cdef const double *values
    cdef int64_t *bins = NULL
    check_workers(workers)
    pins.count = 0
    try:
        values = <const double *> pin(&pins, buffers, "values", c"d", n, False)
        bins = <int64_t *> calloc(workers * BINS, sizeof(int64_t))
        if bins == NULL:
            raise MemoryError
        for thread in prange(workers, nogil=True, num_threads=workers, schedule="static", chunksize=1):
            count(values, n * thread // workers, n * (thread + 1) // workers, bins + thread * BINS)
        for thread in range(1, workers):
            for bin in range(BINS):
                bins[bin] += bins[thread * BINS + bin]
        return [bins[bin] for bin in range(BINS)]
    finally:
        free(bins)
        unpin(&pins)


include "isa.pxi"
