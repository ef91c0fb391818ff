"""primes in Cython: one loop, with the GIL held and with it released."""

from libc.stdint cimport int32_t, int64_t

from buffers cimport check_range
from gil cimport PyThreadState, release_gil, restore_gil
from gilscope.kernels.primes.core cimport divisions


cdef object chunk(Py_ssize_t phase, Py_ssize_t lo, Py_ssize_t hi, object params, object buffers, bint release):
    """Count the primes among [lo, hi); return them and the divisions."""
    cdef int32_t limit = params["limit"], n
    cdef int64_t primes = 0, total = 0
    cdef PyThreadState *saved
    check_range(lo, hi, limit)
    saved = release_gil(release)
    for n in range(<int32_t> lo, <int32_t> hi):
        total += divisions(n, &primes)
    restore_gil(saved)
    return [primes, total]


include "chunk.pxi"
