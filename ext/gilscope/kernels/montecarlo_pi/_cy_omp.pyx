"""montecarlo_pi in Cython with OpenMP threads."""

from cython.parallel cimport prange
from libc.stdint cimport int64_t

from buffers cimport check_workers
from gilscope.kernels.montecarlo_pi.core cimport hits


def cy_prange(int workers, params, buffers):
    """Count all hits; one contiguous share of the samples per thread."""
    cdef Py_ssize_t n = params["n"], thread
    cdef int64_t count = 0
    check_workers(workers)
    for thread in prange(workers, nogil=True, num_threads=workers, schedule="static", chunksize=1):
        count += hits(n * thread // workers, n * (thread + 1) // workers)
    return count


include "isa.pxi"
