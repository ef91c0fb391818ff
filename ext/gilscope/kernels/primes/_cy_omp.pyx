"""primes in Cython with OpenMP threads."""

from cython.parallel cimport prange
from libc.stdint cimport int32_t, int64_t

from buffers cimport check_workers
from gilscope.kernels.primes.core cimport divisions

cdef enum:
    BLOCK = 4096


cdef inline int64_t block(int32_t lo, int32_t hi, int64_t *primes) noexcept nogil:
    """Divisions for the numbers [lo, hi); adds their primes."""
    cdef int64_t total = 0
    cdef int32_t n
    for n in range(lo, hi):
        total += divisions(n, primes)
    return total


cdef inline int64_t primes_in(int32_t lo, int32_t hi, int64_t *total) noexcept nogil:
    """Primes among [lo, hi); the divisions go to total."""
    cdef int64_t primes = 0
    total[0] = block(lo, hi, &primes)
    return primes


def cy_prange(int workers, params, buffers):
    """Count all primes; larger numbers cost more, so threads take 4096 at a time as they come free."""
    cdef int32_t limit = params["limit"], index
    cdef int64_t primes = 0, total = 0, own
    check_workers(workers)
    for index in prange((limit + BLOCK - 1) // BLOCK, nogil=True, num_threads=workers, schedule="dynamic"):
        own = 0
        primes += primes_in(index * BLOCK, min(limit, (index + 1) * BLOCK), &own)
        total += own
    return [primes, total]


include "isa.pxi"
